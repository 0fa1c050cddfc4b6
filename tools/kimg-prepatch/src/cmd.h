/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _KIMG_PREPATCH_CMD_H
#define _KIMG_PREPATCH_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli.h"
#include "kimg.h"

/* More exit statuses; an official interface, see kimg-prepatch(1). */
enum {
	CLI_UNSUPPORTED		= 3,	/* sound, but can't be pre-patched */
	CLI_DAMAGED		= 4,	/* image or profile */
	CLI_DIFFERENT		= 5,	/* verify found what it shouldn't have */
	CLI_STALE		= 6,	/* profile of another kernel */
	CLI_NO_ROOM		= 7,	/* undo area is too small */
};

struct cli {
	int verbose;
};

int cmd_apply(struct cli *cli, int argc, char **argv);
int cmd_bake(struct cli *cli, int argc, char **argv);
int cmd_inspect(struct cli *cli, int argc, char **argv);
int cmd_profile(struct cli *cli, int argc, char **argv);
int cmd_ram_image(struct cli *cli, int argc, char **argv);
int cmd_undo(struct cli *cli, int argc, char **argv);
int cmd_verify(struct cli *cli, int argc, char **argv);

/* Says "<object>: <err>" and returns the exit status for @ret. */
int cli_fail(const char *object, int ret, const struct kimg_err *err);
/* The same for errors of the system; always CLI_FAILED. */
int cli_fail_errno(const char *object, const char *what, int err);
/* 4096, 128M, 0x1000. */
bool cli_size(const char *text, uint64_t *val);
/* A decimal number of seconds, from 1 to @max. */
bool cli_seconds(const char *text, unsigned int max, int *val);
/* A word that a shell takes as @text. NULL: out of memory; freed by the caller. */
char *cli_quote_shell(const char *text);
/* A value in an option of QEMU, where commas are doubled. */
char *cli_quote_qemu(const char *text);

#define MAX_RAM_SIZE	(1ULL << 40)
#define DEFAULT_RAM	(128ULL << 20)

/* file.c */
/* The whole file in memory; 0 or an exit status, with the message out. */
int file_read(const char *path, uint8_t **data, size_t *size);
int file_open_image(const char *path, struct kimg *img);
int file_open_any_image(const char *path, struct kimg *img);	/* also without descriptor */
int file_read_profile(const char *path, struct x86_prepatch_profile *profile);
/* Are the two one file, or would they be if they were created? */
bool file_is_same(const char *a, const char *b);

/* emit.c: an output file is there as a whole or not at all. */
#define EMIT_NONE	{ .fd = -1, .dir_fd = -1 }
struct emit {
	int fd;
	int dir_fd;		/* of its folder */
	char *path;
	char *tmp;
	int how;
};

enum emit_how {
	EMIT_KEPT,		/* has to reach the disk */
	EMIT_IN_FOLDER,		/* likewise, but the caller flushes the folder */
	EMIT_SCRATCH,		/* need not reach the disk */
};

int emit_open(struct emit *emit, const char *path, enum emit_how how);	/* 0 or an exit status */
int emit_write(struct emit *emit, uint64_t offset, const void *buf, size_t len);
/* All that can fail but the renaming, which emit_commit() does. emit_abort() undoes both. */
int emit_prepare(struct emit *emit);
int emit_commit(struct emit *emit);
void emit_abort(struct emit *emit);	/* also of EMIT_NONE, and twice */
int emit_prepare_file(struct emit *emit, const char *path, const void *data, size_t size,
		      enum emit_how how);
int emit_file(const char *path, const void *data, size_t size, enum emit_how how);
/* A signal that ends the program removes temporary files first. */
void emit_clean_on_signals(void);
/* @handler for the signals that end a program, other than those that are ignored. */
void signals_catch(void (*handler)(int sig), int flags);
/* The folder that @path is in: a descriptor or a negative errno. */
int dir_open_of(const char *path);
/* 0 if it is on disk or can't be made so; a negative errno. */
int dir_sync(int fd);

/* ram.c: memory of a guest, in a file */
struct ram {
	int fd;
	uint64_t offset;	/* of physical address 0 */
	const char *path;
};

int ram_open(struct ram *ram, const char *path, uint64_t offset);
void ram_close(struct ram *ram);
int ram_read(void *data, uint64_t phys, void *buf, size_t len);	/* a kimg_read_fn */
/* The descriptor, as the guest has it. -ENOENT: there is none (yet). */
int ram_read_desc(struct ram *ram, const struct kimg *img, struct x86_prepatch_desc *desc);
/* The memory of a guest that runs @kernel, and its descriptor. 0 or an exit status. */
int ram_open_guest(struct ram *ram, const char *path, uint64_t offset, const struct kimg *img,
		   const char *kernel, struct x86_prepatch_desc *desc);
/*
 * The memory of a guest that hasn't started, and the program that starts it: written, but to be
 * committed by the caller.
 */
int ram_prepare(struct emit *emit, const struct kimg *img, const char *kernel, const char *path,
		uint64_t size, enum emit_how how);
int ram_prepare_trampoline(struct emit *emit, const struct kimg *img, const char *kernel,
			   const char *path, enum emit_how how);
/* Both of them, or none. */
int ram_emit(const struct kimg *img, const char *kernel, const char *path, uint64_t size,
	     const char *trampoline, enum emit_how how);

/* sha256.c */
#define SHA256_SIZE	32
struct sha256 {
	uint32_t h[8];
	uint64_t len;
	uint8_t block[64];
};

void sha256_init(struct sha256 *ctx);
void sha256_update(struct sha256 *ctx, const void *data, size_t len);
void sha256_final(struct sha256 *ctx, uint8_t hash[SHA256_SIZE]);
/* As hexadecimal text. 0 or a negative errno. */
int sha256_file(const char *path, char text[2 * SHA256_SIZE + 1]);

/* report.c */
struct json_object;

struct json_object *report_kernel(const struct kimg *img);
struct json_object *report_profile(const struct kimg *img,
				   const struct x86_prepatch_profile *profile);
struct json_object *report_stats(const struct kimg *img, const struct kimg_stats *stats);
struct json_object *report_layout(const struct kimg *img);
struct json_object *report_features(const struct kimg *img);
struct json_object *report_verify(const struct kimg_verify *verify);
/* Takes the reference. 0 or an exit status. */
int report_print_json(struct json_object *doc);
void report_print_stats(const struct kimg_stats *stats);
void report_print_verify(const struct kimg_verify *verify);
void report_hex(char *text, const uint8_t *bytes, size_t len);
const char *report_status_name(uint32_t status);
int report_feature(char *text, size_t size, unsigned int feature);

/* qemu.c */
struct qemu_opts {
	const char *program;
	const char *ram;	/* memory file; the guest writes to it */
	uint64_t ram_size;
	const char *trampoline;
	const char *append;
	const char *log;	/* output of QEMU */
	const char *serial;	/* output of the guest */
	char **args;		/* of the user */
	int nr_args;
};

struct qemu {
	int pid;
	int pidfd;
	bool is_over;
};

int qemu_start(struct qemu *qemu, const struct qemu_opts *opts);	/* 0 or an exit status */
/* Waits for the end: true when it is over. */
bool qemu_wait(struct qemu *qemu, int ms);
void qemu_stop(struct qemu *qemu);

#endif
