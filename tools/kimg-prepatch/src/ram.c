// SPDX-License-Identifier: GPL-2.0-only
/* Files that are, or are going to be, the memory of a guest. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

int ram_open(struct ram *ram, const char *path, uint64_t offset)
{
	*ram = (struct ram){ .fd = open(path, O_RDONLY | O_CLOEXEC), .offset = offset,
			     .path = path };
	if (ram->fd < 0) {
		cli_error("%s: %s", path, strerror(errno));
		return CLI_FAILED;
	}
	return CLI_OK;
}

void ram_close(struct ram *ram)
{
	if (ram->fd >= 0)
		close(ram->fd);
	ram->fd = -1;
}

int ram_read(void *data, uint64_t phys, void *buf, size_t len)
{
	struct ram *ram = data;
	uint64_t at;
	char *p = buf;
	ssize_t n;

	/* Offsets in /proc/PID/mem are addresses, up to the middle of the range. */
	if (__builtin_add_overflow(phys, ram->offset, &at) || at > INT64_MAX - len)
		return -EOVERFLOW;
	while (len) {
		n = pread(ram->fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ENODATA;
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int ram_read_desc(struct ram *ram, const struct kimg *img, struct x86_prepatch_desc *desc)
{
	uint64_t phys;
	int ret;

	ret = kimg_phys(img, img->desc_addr, sizeof(*desc), &phys);
	if (!ret)
		ret = ram_read(ram, phys, desc, sizeof(*desc));
	if (ret)
		return ret;
	/* Only what the kernel writes may differ from the image. */
	if (memcmp(desc, &img->desc, offsetof(struct x86_prepatch_desc, status)))
		return -ENOENT;
	return 0;
}

int ram_open_guest(struct ram *ram, const char *path, uint64_t offset, const struct kimg *img,
		   const char *kernel, struct x86_prepatch_desc *desc)
{
	int ret;

	ret = ram_open(ram, path, offset);
	if (ret)
		return ret;
	ret = ram_read_desc(ram, img, desc);
	if (!ret)
		return CLI_OK;
	ram_close(ram);
	if (ret != -ENOENT)
		return cli_fail_errno(path, "read", -ret);
	cli_error("%s: is not the memory of a guest that runs %s", path, kernel);
	return CLI_STALE;
}

static int write_page(void *data, uint64_t phys, const void *buf, size_t len)
{
	return emit_write(data, phys, buf, len);
}

int ram_prepare(struct emit *emit, const struct kimg *img, const char *kernel, const char *path,
		uint64_t size, enum emit_how how)
{
	struct kimg_err err;
	int ret;

	ret = emit_open(emit, path, how);
	if (ret)
		return ret;
	if (ftruncate(emit->fd, (off_t)size)) {
		ret = cli_fail_errno(path, "size", errno);
		emit_abort(emit);
		return ret;
	}
	ret = kimg_make_ram(img, size, write_page, emit, &err);
	if (ret) {
		ret = ret == -EOPNOTSUPP ? cli_fail(kernel, ret, &err) :
					   (cli_error("%s: %s", path, err.text), CLI_FAILED);
		emit_abort(emit);
		return ret;
	}
	return emit_prepare(emit);
}

int ram_prepare_trampoline(struct emit *emit, const struct kimg *img, const char *kernel,
			   const char *path, enum emit_how how)
{
	uint8_t buf[KIMG_TRAMPOLINE_SIZE];
	struct kimg_err err;
	int ret;

	ret = kimg_make_trampoline(img, buf, &err);
	if (ret)
		return cli_fail(kernel, ret, &err);
	return emit_prepare_file(emit, path, buf, sizeof(buf), how);
}

int ram_emit(const struct kimg *img, const char *kernel, const char *path, uint64_t size,
	     const char *trampoline, enum emit_how how)
{
	struct emit ram = EMIT_NONE, elf = EMIT_NONE;
	int ret;

	ret = ram_prepare_trampoline(&elf, img, kernel, trampoline, how);
	if (!ret)
		ret = ram_prepare(&ram, img, kernel, path, size, how);
	if (!ret)
		ret = emit_commit(&elf);
	if (!ret)
		ret = emit_commit(&ram);
	emit_abort(&elf);
	emit_abort(&ram);
	return ret;
}
