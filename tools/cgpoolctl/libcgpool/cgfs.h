/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading of cgroupfs relative to directory descriptors. */
#ifndef _CGPOOL_CGFS_H
#define _CGPOOL_CGFS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 2, 1, or 0 if @fd is not on cgroupfs. */
int cgfs_version(int fd);

/*
 * Opens @path below @dfd without ever leaving it: no "..", no symlink, no
 * absolute path. @force_walk takes the path of kernels without openat2().
 */
int cgfs_open_beneath(int dfd, const char *path, bool force_walk);

/* A directory below @dfd by plain name, readable, never through a symlink. */
int cgfs_open_dir(int dfd, const char *name);
/* The same, fit for CLONE_INTO_CGROUP only. */
int cgfs_open_path(int dfd, const char *name);
int cgfs_reopen_path(int fd);
int cgfs_reopen_dir(int fd);

/* Whole file as a string; the caller frees. Bounded. */
int cgfs_read_all(int dfd, const char *name, char **text, size_t *len);
/* Short file into @buf, trailing newline removed. */
int cgfs_read(int dfd, const char *name, char *buf, size_t size);
int cgfs_read_u64(int dfd, const char *name, uint64_t *val);
bool cgfs_exists(int dfd, const char *name);

DIR *cgfs_opendir(int dfd);
/* Next entry that is a directory and not dotted, NULL at the end. */
struct dirent *cgfs_next_dir(DIR *dir);

/* Does @name below @dfd still name the inode behind @fd? */
bool cgfs_is_same(int dfd, const char *name, int fd);
/* Name of @fd below @dfd, found by inode number. */
int cgfs_name_of(int dfd, int fd, char *buf, size_t size);

/* 1 if a process lives in @fd or below, 0 if none does, or -errno. */
int cgfs_populated(int fd);
/* Calls @fn for each pid in @fd and below. */
int cgfs_for_each_pid(int fd, int (*fn)(int fd, long pid, void *data), void *data);
/* Has it been removed? */
bool cgfs_is_dead(int fd);

#endif
