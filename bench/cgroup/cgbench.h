/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgbench: what creating, limiting, attaching to and removing a cgroup costs.
 *
 * One process, one boot.  Every figure it gives is a list of single
 * operations, not a mean: the driver (bench/cgroup/run) computes the rest, so
 * that the raw data can be kept and looked at again.
 *
 * Whatever the benchmark cannot do ends it with a message: a figure is either
 * measured or missing, never guessed.
 */
#ifndef CGBENCH_H
#define CGBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define NAME_LEN		32
#define LIST_LEN		256
#define PATH_LEN		256
#define MAX_MOUNTS		8
#define MAX_LIMITS		8
#define NSEC_PER_SEC		1000000000ULL

/* io.c: files and messages. */
__attribute__((noreturn, format(printf, 1, 2)))
void fail(const char *fmt, ...);
__attribute__((format(printf, 1, 2)))
void say(const char *fmt, ...);
int file_write_at(int dirfd, const char *path, const char *text);
int file_read_at(int dirfd, const char *path, char *text, size_t len);
long flat_key_read(int dirfd, const char *path, const char *key);
bool word_in_list(const char *list, const char *word);
uint64_t now_ns(void);
void sleep_ms(unsigned int ms);

/* layout.c: which hierarchies are mounted, and what a sandbox is in them. */
struct limit {
	const char *file;
	char value[LIST_LEN];
	const char *reset;
	int mount_idx;
};

struct layout {
	const char *name;
	bool is_cgroup;
	bool is_v2;
	int nr_mounts;
	char mount_dir[MAX_MOUNTS][PATH_LEN];
	char controller[MAX_MOUNTS][NAME_LEN];
	int nr_limits;
	struct limit limits[MAX_LIMITS];
};

/* A directory under which sandboxes are made; one per mounted hierarchy. */
struct parent {
	const struct layout *layout;
	char name[NAME_LEN];
	int dirfd[MAX_MOUNTS];
};

void layout_mount_v2(struct layout *layout);
void layout_mount_v1(struct layout *layout, const char *name,
		     const char *const *controllers, int nr_mounts);
void layout_mount_tmpfs(struct layout *layout);
void layout_unmount(struct layout *layout);
void layout_favordynmods(const struct layout *layout, bool on);
void parent_make(struct parent *parent, struct layout *layout, const char *name);
void parent_remove(struct parent *parent);
long layout_nr_cgroups(const struct layout *layout);

/* pool.c: the kernel's pool of a parent, and waiting for silence. */
struct pool_counts {
	long claims;
	long misses;
};

bool pool_is_supported(const struct parent *parent);
void pool_fill(const struct parent *parent, long max, long low);
void pool_drain(const struct parent *parent);
void pool_counts_read(const struct parent *parent, struct pool_counts *counts);
void settle(const struct layout *layout);

/* steps.c: the operations that are timed. */

struct sandbox {
	char name[NAME_LEN];
	pid_t pid;
};

typedef int (*step_fn)(const struct parent *parent, struct sandbox *sandbox, int idx);

int step_mkdir(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_take_fixed(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_take_rename(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_limits(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_fork(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_attach(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_clone_into(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_kill(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_rmdir(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_put_fixed(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_rename_to_slot(const struct parent *parent, struct sandbox *sandbox, int idx);
int step_put_rename(const struct parent *parent, struct sandbox *sandbox, int idx);
void slot_name(char *name, int idx);
void slots_make(const struct parent *parent, int first, int end);
void slots_remove(const struct parent *parent, int nr);

/* burst.c: many threads doing the same step. */
struct burst {
	const struct parent *parent;
	struct sandbox *sandboxes;
	uint64_t *ns;
	int nr;
	int nr_threads;
	uint64_t wall_ns;
	int nr_errors;
	int first_error;
};

struct phase {
	const char *name;
	step_fn chain[6];	/* done one after the other and timed as one */
	bool is_reported;
};

typedef void (*phase_done_fn)(struct burst *burst, const struct phase *phase, void *arg);

void burst_run(struct burst *burst, const struct phase *phases, int nr_phases,
	       phase_done_fn done, void *arg);

/* sample.c: what is written to the result channel. */
struct arm {
	const char *hierarchy;
	const char *arm;
	const char *step;
	int nr_threads;
	int nr_existing;
	int block;
	bool favordynmods;
	long pool_max;
	long pool_low;
	long claims;		/* -1: this step makes no cgroups */
	long misses;
};

void result_open(const char *path);
void result_close(void);
void result_arm(const struct arm *arm, const uint64_t *ns, int nr, uint64_t wall_ns);
__attribute__((format(printf, 1, 2)))
void result_line(const char *fmt, ...);

/* plan_wall.c, plan_insn.c, plan_mutex.c, plan_scale.c: what is measured, in which order. */
enum plan_size {
	PLAN_QUICK,
	PLAN_DEFAULT,
	PLAN_FULL,
};

struct options {
	enum plan_size size;
	int nr_sandboxes;	/* 0: 2,000 */
	int nr_ops;
	bool pool_required;
};

int plan_wall(const struct options *options);
int plan_insn(const struct options *options);
int plan_mutex(const struct options *options);
int plan_scale(const struct options *options);

#endif /* CGBENCH_H */
