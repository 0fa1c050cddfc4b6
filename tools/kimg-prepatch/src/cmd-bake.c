// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything in one go. The result is a directory that appears as a whole, or not at all:
 *
 *	vmlinux		pre-patched
 *	ram		memory of a guest with that kernel in it
 *	trampoline.elf	what a VMM loads to start it
 *	profile		what it was made for
 *	manifest.json	all of this in words, with hashes
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

#define POLL_MS		50
#define DEFAULT_TIMEOUT	300
#define MAX_TIMEOUT	86400
#define BASE_CMDLINE	"console=ttyS0 panic=-1"

static const char usage[] =
	"Usage: kimg-prepatch bake [options] -o DIR VMLINUX [-- QEMU-ARGUMENTS]\n"
	"\n"
	"Start VMLINUX in QEMU to record a profile, patch it for that profile, and start the\n"
	"result twice: once for the kernel to compare it with what it patches itself, once to\n"
	"see that it is accepted and which bytes the kernel still writes. Give the QEMU\n"
	"arguments that guests get (-cpu, -accel, -machine, -smp): they are what the profile\n"
	"depends on.\n"
	"\n"
	" -o, --output DIR       a directory that doesn't exist: vmlinux, ram, trampoline.elf,\n"
	"                        profile, manifest.json\n"
	" -f, --force            replace a DIR that an earlier run has made\n"
	" -m, --memory SIZE      memory of the guests (128M)\n"
	" -a, --append TEXT      command line of the guests\n"
	" -t, --timeout SECONDS  for each of the three starts, the last one until its end (300)\n"
	"     --qemu PROGRAM     qemu-system-x86_64\n"
	" -q, --quiet            no progress on stderr\n"
	" -h, --help             this text\n";

static volatile sig_atomic_t is_interrupted;

static void on_signal(int sig)
{
	is_interrupted = sig;
}

struct bake {
	const char *vmlinux;
	const char *out;
	const char *append;
	const char *program;
	uint64_t ram_size;
	int timeout;
	bool is_quiet;
	bool is_force;
	char **args;
	int nr_args;

	char *tmp;		/* of the output */
	struct kimg img;
	struct x86_prepatch_profile profile;
	struct kimg_stats stats;
	struct kimg_verify verify;
	struct timespec start;
};

static const char *const outputs[] = { "vmlinux", "ram", "trampoline.elf", "profile",
				       "manifest.json" };
static const char *const scratch[] = { "boot-ram", "boot.elf", "qemu.log", "serial.log" };

static void progress(const struct bake *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void progress(const struct bake *b, const char *fmt, ...)
{
	struct timespec now;
	va_list ap;

	if (b->is_quiet)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(stderr, "[%5.1f s] ", (double)(now.tv_sec - b->start.tv_sec) +
		(double)(now.tv_nsec - b->start.tv_nsec) / 1e9);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static char *path_of(const struct bake *b, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", b->tmp, name) < 0 ? NULL : path;
}

static void remove_dir(const char *dir)
{
	char path[4096];
	size_t i;

	for (i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
		if (snprintf(path, sizeof(path), "%s/%s", dir, outputs[i]) < (int)sizeof(path))
			unlink(path);
	for (i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++)
		if (snprintf(path, sizeof(path), "%s/%s", dir, scratch[i]) < (int)sizeof(path))
			unlink(path);
	rmdir(dir);
}

/* The last thing that was said, in an error message. */
static void last_line(const char *path, char *line, size_t size)
{
	char buf[1024];
	ssize_t n;
	int fd;

	*line = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (lseek(fd, -(off_t)sizeof(buf) + 1, SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\r'))
		n--;
	if (n <= 0)
		return;
	buf[n] = '\0';
	snprintf(line, size, "%s", strrchr(buf, '\n') ? strrchr(buf, '\n') + 1 : buf);
	/* A guest may say anything, but not to the terminal of who looks. */
	for (; *line; line++)
		if (*line < ' ' || *line > '~')
			*line = '?';
}

static int explain(const char *what, const char *reason, const char *log, const char *serial)
{
	char said[256];

	last_line(log, said, sizeof(said));
	if (!*said)
		last_line(serial, said, sizeof(said));
	cli_error("%s: %s%s%s", what, reason, *said ? ": " : "", said);
	return CLI_FAILED;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* After a failure nothing follows, not even a profile. */
static bool is_decided(const struct x86_prepatch_desc *desc)
{
	return desc->status == X86_PREPATCH_FAILED ||
	       (desc->status != X86_PREPATCH_PENDING && desc->actual.valid);
}

/*
 * Start the image in memory that the guest shares with this program, until the kernel has decided
 * or, with @is_to_end, until it has come to its end: it has no root file system, and panics then.
 * @desc is what it left behind.
 */
static int boot(struct bake *b, const char *what, const char *extra, bool is_to_end,
		struct x86_prepatch_desc *desc)
{
	char *ram_path = path_of(b, "boot-ram"), *elf = path_of(b, "boot.elf");
	char *log = path_of(b, "qemu.log"), *serial = path_of(b, "serial.log"), *append = NULL;
	int64_t deadline = now_ms() + (int64_t)b->timeout * 1000;
	struct ram ram = { .fd = -1 };
	struct qemu qemu = { .pid = -1, .pidfd = -1, .is_over = true };
	bool is_over = false;
	int ret = CLI_FAILED;

	if (!ram_path || !elf || !log || !serial ||
	    asprintf(&append, BASE_CMDLINE "%s%s%s", extra, b->append ? " " : "",
		     b->append ?: "") < 0) {
		append = NULL;
		cli_error("%s: out of memory", what);
		goto out;
	}
	ret = ram_emit(&b->img, b->vmlinux, ram_path, b->ram_size, elf, EMIT_SCRATCH);
	if (!ret)
		ret = ram_open(&ram, ram_path, 0);
	if (!ret)
		ret = qemu_start(&qemu, &(struct qemu_opts){
			.program = b->program, .ram = ram_path, .ram_size = b->ram_size,
			.trampoline = elf, .append = append, .log = log, .serial = serial,
			.args = b->args, .nr_args = b->nr_args });
	if (ret)
		goto out;
	for (;;) {
		ret = ram_read_desc(&ram, &b->img, desc);
		if (ret && ret != -ENOENT) {
			ret = cli_fail_errno(ram_path, "read", -ret);
			goto out;
		}
		if (!ret && is_decided(desc))
			break;
		ret = CLI_FAILED;
		if (is_interrupted) {
			cli_error("%s: interrupted", what);
			goto out;
		}
		if (is_over) {
			explain(what, "the guest ended before it had recorded a profile", log,
				serial);
			goto out;
		}
		if (now_ms() >= deadline) {
			explain(what, "timed out", log, serial);
			goto out;
		}
		/* Look once more after the end. */
		is_over = qemu_wait(&qemu, POLL_MS);
	}
	/* What isn't there yet can't be compared: half a start isn't enough. */
	is_to_end &= desc->status != X86_PREPATCH_FAILED;
	while (is_to_end && !is_interrupted && !qemu_wait(&qemu, POLL_MS)) {
		if (now_ms() >= deadline) {
			ret = explain(what, "timed out: the guest did not come to its end", log,
				      serial);
			goto out;
		}
	}
	qemu_stop(&qemu);
	ret = ram_read_desc(&ram, &b->img, desc) ? CLI_FAILED : CLI_OK;
	if (ret)
		cli_error("%s: the descriptor is gone", what);
	else if (is_interrupted) {
		cli_error("%s: interrupted", what);
		ret = CLI_FAILED;
	}
out:
	qemu_stop(&qemu);
	ram_close(&ram);
	free(ram_path);
	free(elf);
	free(log);
	free(serial);
	free(append);
	return ret;
}

static int check_status(const struct x86_prepatch_desc *desc, const char *what, uint32_t wanted)
{
	if (desc->status == wanted)
		return CLI_OK;
	cli_error("%s: status is %s, not %s (reason %u, index %u, expected %#" PRIx64
		  ", actual %#" PRIx64 ", %" PRIu64 " bytes differ)",
		  what, report_status_name(desc->status), report_status_name(wanted), desc->reason,
		  desc->reason_index, (uint64_t)desc->reason_expected,
		  (uint64_t)desc->reason_actual, (uint64_t)desc->different_bytes);
	return CLI_DIFFERENT;
}

static int check_memory(struct bake *b)
{
	char *path = path_of(b, "boot-ram");
	struct kimg_err err;
	uint64_t wrong = 0;
	struct ram ram;
	unsigned int i;
	int ret;

	if (!path)
		return CLI_FAILED;
	ret = ram_open(&ram, path, 0);
	if (ret)
		goto out;
	ret = kimg_verify(&b->img, ram_read, &ram, &b->verify, &err);
	ram_close(&ram);
	if (ret) {
		ret = cli_fail(b->vmlinux, ret, &err);
		goto out;
	}
	for (i = 0; i < KIMG_NR_CLASSES; i++)
		if (KIMG_CLASS_BIT(i) & (KIMG_CLASSES_CPU | KIMG_CLASSES_CONST))
			wrong += b->verify.classes[i].bytes;
	if (b->verify.unknown_bytes || wrong) {
		cli_error("%s: the kernel has written %" PRIu64
			  " bytes that no table names and %" PRIu64 " that were right",
			  b->vmlinux, b->verify.unknown_bytes, wrong);
		ret = CLI_DIFFERENT;
	}
out:
	free(path);
	return ret;
}

static int add_file(struct bake *b, struct json_object *files, const char *name)
{
	struct json_object *item = json_object_new_object();
	char hash[2 * SHA256_SIZE + 1], *path = path_of(b, name);
	struct stat st;
	int ret = -ENOMEM;

	json_object_object_add(files, name, item);
	if (path)
		ret = stat(path, &st) ? -errno : sha256_file(path, hash);
	if (ret) {
		cli_error("%s: %s", name, strerror(-ret));
	} else {
		json_object_object_add(item, "size", json_object_new_int64(st.st_size));
		json_object_object_add(item, "sha256", json_object_new_string(hash));
	}
	free(path);
	return ret ? CLI_FAILED : CLI_OK;
}

/* Nothing in it depends on when or where it was made. */
static int write_manifest(struct bake *b)
{
	struct json_object *doc = json_object_new_object(), *files, *list;
	char *path = path_of(b, "manifest.json");
	const char *text;
	int i, ret = CLI_OK;

	json_object_object_add(doc, "version", json_object_new_int(1));
	json_object_object_add(doc, "tool", json_object_new_string("kimg-prepatch " KIMG_VERSION));
	json_object_object_add(doc, "kernel", report_kernel(&b->img));
	json_object_object_add(doc, "memory", json_object_new_uint64(b->ram_size));
	json_object_object_add(doc, "append",
			       b->append ? json_object_new_string(b->append) : NULL);
	list = json_object_new_array();
	for (i = 0; i < b->nr_args; i++)
		json_object_array_add(list, json_object_new_string(b->args[i]));
	json_object_object_add(doc, "qemu_args", list);
	json_object_object_add(doc, "features", report_features(&b->img));
	json_object_object_add(doc, "layout", report_layout(&b->img));
	json_object_object_add(doc, "patches", report_stats(&b->img, &b->stats));
	json_object_object_add(doc, "profile", report_profile(&b->img, &b->profile));
	files = json_object_new_object();
	for (i = 0; !ret && i < (int)(sizeof(outputs) / sizeof(outputs[0])) - 1; i++)
		ret = add_file(b, files, outputs[i]);
	json_object_object_add(doc, "files", files);
	text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
						   JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!ret)
		ret = text && path ? emit_file(path, text, strlen(text), EMIT_IN_FOLDER) : CLI_FAILED;
	json_object_put(doc);
	free(path);
	return ret;
}

static int write_outputs(struct bake *b)
{
	char *paths[4] = { 0 };
	int ret = CLI_FAILED;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		paths[i] = path_of(b, outputs[i]);
		if (!paths[i])
			goto out;
	}
	ret = emit_file(paths[0], b->img.data, b->img.size, EMIT_IN_FOLDER);
	if (!ret)
		ret = ram_emit(&b->img, b->vmlinux, paths[1], b->ram_size, paths[2],
			       EMIT_IN_FOLDER);
	if (!ret)
		ret = emit_file(paths[3], &b->profile, sizeof(b->profile), EMIT_IN_FOLDER);
	if (!ret)
		ret = write_manifest(b);
out:
	for (i = 0; i < 4; i++)
		free(paths[i]);
	return ret;
}

/*
 * Not every file system knows flags of renames. Without RENAME_NOREPLACE a plain rename will do:
 * it replaces no folder but an empty one. Without RENAME_EXCHANGE an old result can't be replaced
 * in one step, which is better known before the first start than after the last.
 */
static int rename_noreplace(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return rename(from, to) ? -errno : 0;
}

static int check_exchange(struct bake *b)
{
	char *one = path_of(b, "exchange-1"), *two = path_of(b, "exchange-2");
	int ret = CLI_FAILED;

	if (!one || !two || mkdir(one, 0777) || mkdir(two, 0777))
		cli_error("%s: %s", b->out, strerror(one && two ? errno : ENOMEM));
	else if (renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE))
		cli_error("%s: can't be replaced in one step on this file system: %s; remove it first",
			  b->out, strerror(errno));
	else
		ret = CLI_OK;
	if (one)
		rmdir(one);
	if (two)
		rmdir(two);
	free(one);
	free(two);
	return ret;
}

static int publish(struct bake *b)
{
	int ret, dir;
	size_t i;

	for (i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++) {
		char *path = path_of(b, scratch[i]);

		if (path)
			unlink(path);
		free(path);
	}
	dir = open(b->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir < 0 ? -errno : dir_sync(dir);
	if (dir >= 0)
		close(dir);
	if (ret)
		return cli_fail_errno(b->out, "output", -ret);
	dir = dir_open_of(b->out);
	if (dir < 0 && dir != -EACCES)
		return cli_fail_errno(b->out, "output", -dir);
	ret = rename_noreplace(b->tmp, b->out);
	if (!ret) {
		free(b->tmp);
		b->tmp = NULL;
	} else if ((ret == -EEXIST || ret == -ENOTEMPTY) && b->is_force) {
		/* What was there has the temporary name then, and is removed with it. */
		ret = renameat2(AT_FDCWD, b->tmp, AT_FDCWD, b->out, RENAME_EXCHANGE) ? -errno : 0;
	}
	if (ret) {
		cli_error("%s: %s", b->out, strerror(-ret));
	} else {
		ret = dir_sync(dir);
		if (ret)
			cli_error("%s: is written, but its folder can't be flushed to disk: %s",
				  b->out, strerror(-ret));
	}
	if (dir >= 0)
		close(dir);
	return ret ? CLI_FAILED : CLI_OK;
}

/* Only a directory with nothing but our files in it is replaced. */
static int check_output(const struct bake *b)
{
	bool has_manifest = false;
	struct dirent *de;
	struct stat st;
	size_t i;
	DIR *dir;

	if (lstat(b->out, &st))
		return errno == ENOENT ? CLI_OK : cli_fail_errno(b->out, "output", errno);
	if (!b->is_force) {
		cli_error("%s: exists already", b->out);
		return CLI_FAILED;
	}
	dir = S_ISDIR(st.st_mode) ? opendir(b->out) : NULL;
	if (!dir) {
		cli_error("%s: is there and no directory", b->out);
		return CLI_FAILED;
	}
	while ((de = readdir(dir))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		for (i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
			if (!strcmp(de->d_name, outputs[i]))
				break;
		if (i == sizeof(outputs) / sizeof(outputs[0]))
			break;
		has_manifest |= !strcmp(de->d_name, "manifest.json");
	}
	closedir(dir);
	if (de || !has_manifest) {
		cli_error("%s: was not made by this command", b->out);
		return CLI_FAILED;
	}
	return CLI_OK;
}

static int make_tmp(struct bake *b)
{
	mode_t mask = umask(0);

	umask(mask);
	if (asprintf(&b->tmp, "%s.tmpXXXXXX", b->out) < 0) {
		b->tmp = NULL;
		return cli_fail_errno(b->out, "name", ENOMEM);
	}
	if (!mkdtemp(b->tmp)) {
		int ret = cli_fail_errno(b->out, "output", errno);

		free(b->tmp);
		b->tmp = NULL;
		return ret;
	}
	if (chmod(b->tmp, 0777 & ~mask))
		return cli_fail_errno(b->out, "output", errno);
	return CLI_OK;
}

/* QEMU takes one dash or two. */
static bool is_daemonize(const char *arg)
{
	return !strcmp(arg, "-daemonize") || !strcmp(arg, "--daemonize");
}

static int do_bake(struct bake *b)
{
	struct x86_prepatch_desc desc;
	struct kimg_err err;
	int ret;

	ret = file_open_image(b->vmlinux, &b->img);
	if (!ret && kimg_is_baked(&b->img)) {
		ret = kimg_undo(&b->img, &err);
		if (ret)
			ret = cli_fail(b->vmlinux, ret, &err);
	}
	if (!ret)
		ret = check_output(b);
	if (ret)
		return ret;
	ret = make_tmp(b);
	if (!ret && b->is_force && !access(b->out, F_OK))
		ret = check_exchange(b);
	if (ret)
		return ret;

	progress(b, "1/5 starting the stock image, to record a profile");
	ret = boot(b, "profile", "", false, &desc);
	if (!ret)
		ret = check_status(&desc, "profile", X86_PREPATCH_STOCK);
	if (ret)
		return ret;
	b->profile = desc.actual;

	progress(b, "2/5 patching");
	ret = kimg_apply(&b->img, &b->profile, &b->stats, &err);
	if (ret)
		return cli_fail(b->vmlinux, ret, &err);
	progress(b, "    %" PRIu64 " bytes in %" PRIu64 " pages, %" PRIu64 " KiB of undo data",
		 b->stats.bytes, b->stats.pages, (b->stats.undo_bytes + 1023) / 1024);

	progress(b, "3/5 starting it with prepatch=verify: the kernel compares");
	ret = boot(b, "verify", " prepatch=verify", false, &desc);
	if (!ret)
		ret = check_status(&desc, "verify", X86_PREPATCH_VERIFIED);
	if (ret)
		return ret;

	progress(b, "4/5 starting it as guests do");
	ret = boot(b, "match", "", true, &desc);
	if (!ret)
		ret = check_status(&desc, "match", X86_PREPATCH_MATCH);
	if (!ret)
		ret = check_memory(b);
	if (ret)
		return ret;
	progress(b, "    text pages changed: %" PRIu64 " of %" PRIu64 ", rodata: %" PRIu64
		 " of %" PRIu64 ", unknown bytes: 0", b->verify.text_pages_changed,
		 b->verify.text_pages, b->verify.rodata_pages_changed, b->verify.rodata_pages);

	progress(b, "5/5 writing %s", b->out);
	ret = write_outputs(b);
	if (!ret && is_interrupted) {
		cli_error("%s: interrupted", b->out);
		ret = CLI_FAILED;
	}
	if (!ret)
		ret = publish(b);
	return ret;
}

int cmd_bake(struct cli *cli, int argc, char **argv)
{
	enum { OPT_QEMU = 256 };
	static const struct option longopts[] = {
		{ "output",	required_argument,	NULL, 'o' },
		{ "force",	no_argument,		NULL, 'f' },
		{ "memory",	required_argument,	NULL, 'm' },
		{ "append",	required_argument,	NULL, 'a' },
		{ "timeout",	required_argument,	NULL, 't' },
		{ "qemu",	required_argument,	NULL, OPT_QEMU },
		{ "quiet",	no_argument,		NULL, 'q' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct bake b = { .program = "qemu-system-x86_64", .ram_size = DEFAULT_RAM,
			  .timeout = DEFAULT_TIMEOUT };
	char *slash;
	int c, ret, i, dashes = argc;

	(void)cli;
	/* Options may follow VMLINUX, but what follows "--" is QEMU's. */
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--")) {
			dashes = i;
			break;
		}
	while ((c = getopt_long(dashes, argv, "o:fm:a:t:qh", longopts, NULL)) != -1) {
		switch (c) {
		case 'o':
			b.out = optarg;
			break;
		case 'f':
			b.is_force = true;
			break;
		case 'm':
			if (!cli_size(optarg, &b.ram_size) || !b.ram_size ||
			    b.ram_size % (1U << 20) || b.ram_size > MAX_RAM_SIZE)
				return cli_usage("bake", "%s: not a number of whole MiB", optarg);
			break;
		case 'a':
			b.append = optarg;
			break;
		case 't':
			if (!cli_seconds(optarg, MAX_TIMEOUT, &b.timeout))
				return cli_usage("bake", "%s: not a number of seconds, 1 to %d",
						 optarg, MAX_TIMEOUT);
			break;
		case OPT_QEMU:
			b.program = optarg;
			break;
		case 'q':
			b.is_quiet = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("bake", NULL);
		}
	}
	if (dashes - optind != 1)
		return cli_usage("bake", "one VMLINUX is needed");
	if (!b.out)
		return cli_usage("bake", "--output is needed");
	b.vmlinux = argv[optind];
	if (dashes < argc) {
		b.args = argv + dashes + 1;
		b.nr_args = argc - dashes - 1;
	}
	for (i = 0; i < b.nr_args; i++)
		if (is_daemonize(b.args[i]))
			return cli_usage("bake", "%s: QEMU has to stay a child of this program",
					 b.args[i]);
	/* A slash at the end would put the temporary directory inside. */
	slash = (char *)b.out + strlen(b.out);
	while (slash > b.out + 1 && slash[-1] == '/')
		*--slash = '\0';
	clock_gettime(CLOCK_MONOTONIC, &b.start);
	signals_catch(on_signal, 0);

	ret = do_bake(&b);
	if (b.tmp)
		remove_dir(b.tmp);
	free(b.tmp);
	kimg_free(&b.img);
	return ret;
}
