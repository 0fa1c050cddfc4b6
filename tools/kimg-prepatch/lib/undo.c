// SPDX-License-Identifier: GPL-2.0-only
/*
 * The undo area. The layout is in <asm/prepatch.h>, and reading it is the kernel's own code.
 *
 * A run holds exactly bytes that differ, never ones in between: what the kernel writes between two
 * runs before it undoes them has to stay.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"
/* The kernel's own reader: what it takes, this program takes. */
#include "prepatch_undo.h"

uint32_t undo_crc(const void *data, size_t len)
{
	return prepatch_crc32(data, len);
}

struct stream {
	uint8_t *bytes;
	size_t len, room;
	uint32_t runs;
};

static int put(struct stream *s, const uint8_t *bytes, size_t len)
{
	if (len > s->room - s->len) {
		size_t room = (s->room + len) * 2 + 4096;
		uint8_t *p = realloc(s->bytes, room);

		if (!p)
			return -ENOMEM;
		s->bytes = p;
		s->room = room;
	}
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	return 0;
}

static int put_uleb(struct stream *s, uint64_t v)
{
	uint8_t buf[10];
	size_t n = 0;

	do {
		buf[n] = v & 0x7f;
		v >>= 7;
		if (v)
			buf[n] |= 0x80;
		n++;
	} while (v);
	return put(s, buf, n);
}

/* Segments of the kernel's own addresses in ascending order; the per-CPU one isn't among them. */
static unsigned int sort_segments(const struct kimg *img, unsigned int order[KIMG_MAX_SEGMENTS])
{
	unsigned int i, j, n = 0;

	for (i = 0; i < img->nr_segments; i++) {
		if (img->segments[i].vaddr + img->segments[i].memsz <=
		    image_range(img, X86_PREPATCH_TEXT)->start)
			continue;
		for (j = n++; j && img->segments[order[j - 1]].vaddr > img->segments[i].vaddr; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	return n;
}

/* How to get from @now to @old; NULL stands for the image. */
static int encode(const struct kimg *img, const struct snapshot *now, const struct snapshot *old,
		  struct stream *s)
{
	uint64_t at = image_range(img, X86_PREPATCH_TEXT)->start;
	unsigned int order[KIMG_MAX_SEGMENTS], n, i;
	int ret;

	n = sort_segments(img, order);
	for (i = 0; i < n; i++) {
		const struct kimg_segment *seg = &img->segments[order[i]];
		const uint8_t *a = now ? now->bytes + now->at[order[i]] : img->data + seg->offset;
		const uint8_t *b = old->bytes + old->at[order[i]];
		uint64_t pos = 0, start;

		while ((pos = bytes_differ(a, b, pos, seg->filesz)) < seg->filesz) {
			start = pos;
			while (pos < seg->filesz && a[pos] != b[pos])
				pos++;
			if (seg->vaddr + start < at)
				return -EBADMSG;
			ret = put_uleb(s, seg->vaddr + start - at) ?: put_uleb(s, pos - start);
			if (!ret)
				ret = put(s, b + start, pos - start);
			if (ret)
				return ret;
			at = seg->vaddr + pos;
			s->runs++;
		}
	}
	return s->len > UINT32_MAX ? -ENOSPC : 0;
}

int undo_store(struct kimg *img, const struct snapshot *first, const struct snapshot *second,
	       struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);
	struct stream cpu = { 0 }, rest = { 0 };
	struct x86_prepatch_undo head = {
		.version = X86_PREPATCH_VERSION,
		.base = image_range(img, X86_PREPATCH_TEXT)->start,
	};
	uint64_t need, room = range->end - range->start;
	uint8_t *area;
	int ret;

	ret = encode(img, NULL, first, &cpu) ?: encode(img, first, second, &rest);
	if (ret) {
		kimg_fail(err, ret, ret == -ENOMEM ? "out of memory" : "undo data makes no sense");
		goto out;
	}
	need = sizeof(head) + cpu.len + rest.len;
	if (need > room) {
		ret = kimg_fail(err, -ENOSPC,
				"undo data needs %llu KiB and the image has room for %llu: build it with CONFIG_X86_PREPATCH_UNDO_KB=%llu",
				(unsigned long long)(need + 1023) / 1024,
				(unsigned long long)room / 1024,
				/* whole pages, and some to grow */
				(unsigned long long)((need + need / 16 + 4095) / 4096 * 4));
		goto out;
	}
	memcpy(head.magic, X86_PREPATCH_UNDO_MAGIC, sizeof(head.magic));
	head.bytes[X86_PREPATCH_UNDO_CPU] = (uint32_t)cpu.len;
	head.bytes[X86_PREPATCH_UNDO_CONST] = (uint32_t)rest.len;
	head.runs[X86_PREPATCH_UNDO_CPU] = cpu.runs;
	head.runs[X86_PREPATCH_UNDO_CONST] = rest.runs;
	area = image_bytes(img, range->start, room);
	memset(area, 0, room);
	memcpy(area, &head, sizeof(head));
	if (cpu.len)
		memcpy(area + sizeof(head), cpu.bytes, cpu.len);
	if (rest.len)
		memcpy(area + sizeof(head) + cpu.len, rest.bytes, rest.len);
	head.crc = undo_crc(area + PREPATCH_UNDO_CRC_FROM, need - PREPATCH_UNDO_CRC_FROM);
	memcpy(area, &head, sizeof(head));
out:
	free(cpu.bytes);
	free(rest.bytes);
	return ret;
}

/*
 * The undo data in memory that is aligned, which a file need not be. NULL after a failure; freed
 * by the caller.
 */
static struct x86_prepatch_undo *get_undo(const struct kimg *img, int *ret, struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);
	uint64_t room = range->end - range->start;
	const uint8_t *area = image_bytes(img, range->start, room);
	struct x86_prepatch_undo *undo;

	if (!area || room < sizeof(*undo)) {
		*ret = kimg_fail(err, -EBADMSG, "no undo area");
		return NULL;
	}
	undo = malloc(room);
	if (!undo) {
		*ret = kimg_fail(err, -ENOMEM, "out of memory");
		return NULL;
	}
	memcpy(undo, area, room);
	if (!prepatch_undo_is_present(undo))
		*ret = kimg_fail(err, -EOPNOTSUPP, "not pre-patched");
	else if (!prepatch_undo_is_valid(undo, room) ||
		 undo->base != image_range(img, X86_PREPATCH_TEXT)->start)
		*ret = kimg_fail(err, -EBADMSG, "undo data is damaged");
	else
		return undo;
	free(undo);
	return NULL;
}

/* Where a run may be. Only tables are in read-only data, and they are the same on every CPU. */
static uint8_t *run_place(const struct kimg *img, unsigned int stream, uint64_t addr, uint64_t len)
{
	uint8_t *place = image_site(img, addr, len);

	if (!place && stream == X86_PREPATCH_UNDO_CONST &&
	    (image_range_has(img, X86_PREPATCH_JUMP_TABLE, addr, len) ||
	     image_range_has(img, X86_PREPATCH_STATIC_CALLS, addr, len)))
		place = image_bytes(img, addr, len);
	return place;
}

static int walk_stream(const struct kimg *img, const struct x86_prepatch_undo *undo,
		       unsigned int which, bool is_write, struct kimg_err *err)
{
	struct prepatch_stream stream;
	struct prepatch_run run;
	uint32_t runs = 0;
	uint8_t *place;
	int ret;

	prepatch_stream_open(&stream, undo, which);
	while ((ret = prepatch_stream_next(&stream, &run)) > 0) {
		place = run_place(img, which, run.addr, run.len);
		if (!place)
			return kimg_fail(err, -EBADMSG, "undo data is damaged: run at %#llx",
					 (unsigned long long)run.addr);
		if (is_write)
			memcpy(place, run.bytes, run.len);
		runs++;
	}
	if (ret || runs != undo->runs[which])
		return kimg_fail(err, -EBADMSG, "undo data is damaged");
	return 0;
}

int undo_check(const struct kimg *img, struct kimg_err *err)
{
	struct x86_prepatch_undo *undo;
	int ret = 0;

	undo = get_undo(img, &ret, err);
	if (!undo)
		return ret;
	ret = walk_stream(img, undo, X86_PREPATCH_UNDO_CPU, false, err);
	if (!ret)
		ret = walk_stream(img, undo, X86_PREPATCH_UNDO_CONST, false, err);
	free(undo);
	return ret;
}

int undo_restore(struct kimg *img, unsigned int which, struct kimg_err *err)
{
	struct x86_prepatch_undo *undo;
	int ret = 0;

	undo = get_undo(img, &ret, err);
	if (!undo)
		return ret;
	ret = walk_stream(img, undo, which, false, err);
	if (!ret)
		ret = walk_stream(img, undo, which, true, err);
	free(undo);
	return ret;
}
