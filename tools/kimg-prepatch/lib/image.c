// SPDX-License-Identifier: GPL-2.0-only
/* A vmlinux as memory: bytes by the virtual address that they are linked at. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "private.h"

int kimg_fail(struct kimg_err *err, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return ret;
}

static int open_image(struct kimg *img, uint8_t *data, size_t size, bool any,
		      struct kimg_err *err)
{
	int ret;

	*img = (struct kimg){ .data = data, .size = size };
	ret = elf_parse(img, err);
	if (ret)
		return ret;
	if (!img->has_desc) {
		if (any)
			return 0;
		return kimg_fail(err, -EOPNOTSUPP,
				 "no descriptor: not built with CONFIG_X86_PREPATCH");
	}
	if (!img->has_build_id)
		return kimg_fail(err, -EOPNOTSUPP, "no build id");
	if (!image_bytes(img, img->desc_addr, sizeof(img->desc)))
		return kimg_fail(err, -EBADMSG, "descriptor at %#llx is not in the file",
				 (unsigned long long)img->desc_addr);
	memcpy(&img->desc, image_bytes(img, img->desc_addr, sizeof(img->desc)), sizeof(img->desc));
	return desc_check(img, err);
}

int kimg_open(struct kimg *img, uint8_t *data, size_t size, struct kimg_err *err)
{
	return open_image(img, data, size, false, err);
}

int kimg_open_any(struct kimg *img, uint8_t *data, size_t size, struct kimg_err *err)
{
	return open_image(img, data, size, true, err);
}

void kimg_free(struct kimg *img)
{
	unsigned int i;

	for (i = 0; i < img->nr_segments; i++)
		free(img->segments[i].sites);
	free(img->data);
	*img = (struct kimg){ 0 };
}

struct kimg_segment *image_segment(const struct kimg *img, uint64_t addr, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];

		if (addr >= seg->vaddr && addr - seg->vaddr <= seg->memsz &&
		    len <= seg->memsz - (addr - seg->vaddr) && (len || seg->memsz))
			return (struct kimg_segment *)seg;
	}
	return NULL;
}

uint8_t *image_bytes(const struct kimg *img, uint64_t addr, uint64_t len)
{
	const struct kimg_segment *seg = image_segment(img, addr, len);
	uint64_t at;

	if (!seg)
		return NULL;
	at = addr - seg->vaddr;
	if (at > seg->filesz || len > seg->filesz - at)
		return NULL;
	return img->data + seg->offset + at;
}

size_t image_rest(const struct kimg *img, uint64_t addr, size_t max)
{
	const struct kimg_segment *seg = image_segment(img, addr, 1);
	uint64_t rest;

	if (!seg || addr - seg->vaddr >= seg->filesz)
		return 0;
	rest = seg->filesz - (addr - seg->vaddr);
	return rest < max ? rest : max;
}

bool image_range_has(const struct kimg *img, enum x86_prepatch_ranges nr, uint64_t addr,
		     uint64_t len)
{
	const struct x86_prepatch_range *range = image_range(img, nr);

	return addr >= range->start && addr <= range->end && len <= range->end - addr;
}

static bool touches(const struct x86_prepatch_range *range, uint64_t addr, uint64_t len)
{
	return addr < range->end && addr + len > range->start;
}

uint8_t *image_site(const struct kimg *img, uint64_t addr, uint64_t len)
{
	const struct x86_prepatch_range desc = { img->desc_addr,
						 img->desc_addr + sizeof(img->desc) };

	if (!len || (!image_range_has(img, X86_PREPATCH_TEXT, addr, len) &&
		     !image_range_has(img, X86_PREPATCH_INIT, addr, len)))
		return NULL;
	if (touches(image_range(img, X86_PREPATCH_UNDO), addr, len) || touches(&desc, addr, len))
		return NULL;
	return image_bytes(img, addr, len);
}

int kimg_phys(const struct kimg *img, uint64_t addr, uint64_t len, uint64_t *phys)
{
	const struct kimg_segment *seg = image_segment(img, addr, len);

	if (!seg)
		return -ENOENT;
	*phys = seg->paddr + (addr - seg->vaddr);
	return 0;
}

uint64_t kimg_range_pages(const struct kimg *img, enum x86_prepatch_ranges nr)
{
	const struct x86_prepatch_range *range = image_range(img, nr);

	if (range->start == range->end)
		return 0;
	return (range->end - 1) / KIMG_PAGE_SIZE - range->start / KIMG_PAGE_SIZE + 1;
}

bool kimg_is_baked(const struct kimg *img)
{
	const uint8_t *undo;

	if (!img->has_desc)
		return false;
	undo = image_bytes(img, image_range(img, X86_PREPATCH_UNDO)->start, 8);
	return undo && !memcmp(undo, X86_PREPATCH_UNDO_MAGIC, 8);
}

const char *kimg_banner(const struct kimg *img, size_t *len)
{
	static const char start[] = "Linux version ";
	const uint8_t *p, *end;
	unsigned int i;

	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];
		uint64_t left = seg->filesz;

		p = img->data + seg->offset;
		while ((p = memmem(p, left, start, sizeof(start) - 1))) {
			left = seg->filesz - (size_t)(p - (img->data + seg->offset));
			end = memchr(p, 0, left < 1024 ? left : 1024);
			/* Not the format string of the same text. */
			if (end && p[sizeof(start) - 1] >= '0' && p[sizeof(start) - 1] <= '9') {
				while (end > p && end[-1] == '\n')
					end--;
				*len = (size_t)(end - p);
				return (const char *)p;
			}
			p++;
			left--;
		}
	}
	return NULL;
}

uint64_t bytes_differ(const uint8_t *a, const uint8_t *b, uint64_t pos, uint64_t len)
{
	enum { BLOCK = 256 };

	/* Nearly all is equal, and memcmp() is a lot faster than this. */
	while (len - pos >= BLOCK && !memcmp(a + pos, b + pos, BLOCK))
		pos += BLOCK;
	while (pos < len && a[pos] == b[pos])
		pos++;
	return pos;
}

int snapshot_take(const struct kimg *img, struct snapshot *snap, struct kimg_err *err)
{
	size_t total = 0;
	unsigned int i;

	for (i = 0; i < img->nr_segments; i++) {
		snap->at[i] = total;
		total += img->segments[i].filesz;
	}
	/* No overflow: the segments don't overlap in a file of known size. */
	snap->bytes = malloc(total ?: 1);
	if (!snap->bytes)
		return kimg_fail(err, -ENOMEM, "out of memory");
	for (i = 0; i < img->nr_segments; i++)
		memcpy(snap->bytes + snap->at[i], img->data + img->segments[i].offset,
		       img->segments[i].filesz);
	return 0;
}

void snapshot_put_back(struct kimg *img, const struct snapshot *snap)
{
	unsigned int i;

	for (i = 0; i < img->nr_segments; i++)
		memcpy(img->data + img->segments[i].offset, snap->bytes + snap->at[i],
		       img->segments[i].filesz);
}

void snapshot_free(struct snapshot *snap)
{
	free(snap->bytes);
	snap->bytes = NULL;
}

uint8_t *snapshot_bytes(const struct kimg *img, const struct snapshot *snap, uint64_t addr,
			uint64_t len)
{
	const uint8_t *p = image_bytes(img, addr, len);
	const struct kimg_segment *seg = image_segment(img, addr, len);

	if (!p)
		return NULL;
	return snap->bytes + snap->at[seg - img->segments] + (addr - seg->vaddr);
}

int offset_table_get(const struct kimg *img, enum x86_prepatch_ranges nr,
		     struct offset_table *table, struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, nr);

	*table = (struct offset_table){
		.addr = range->start,
		.nr = (range->end - range->start) / 4,
	};
	if (!table->nr)
		return 0;
	table->bytes = image_bytes(img, range->start, range->end - range->start);
	if (!table->bytes)
		return kimg_fail(err, -EBADMSG, "table at %#llx is not in the file",
				 (unsigned long long)range->start);
	return 0;
}
