/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the undo data of a pre-patched image, and the checksums of both.
 *
 * This is used by code which runs before and while the text of the kernel is rewritten, by the
 * code which runs later, by its unit tests, and by the tool which makes such images.  So there is
 * nothing here but loops over bytes: no function of the kernel is called, and the compiler is
 * kept from calling memcpy().  <asm/prepatch.h> has to be included before.
 *
 * The undo data is input.  Nothing is written before all of it has been checked: the checksum, that
 * each run is complete, and that it lies where runs are allowed to be.
 */
#ifndef _ARCH_X86_KERNEL_PREPATCH_UNDO_H
#define _ARCH_X86_KERNEL_PREPATCH_UNDO_H

/* What all functions here are: the kernel only needs them while it boots. */
#ifndef PREPATCH_FN
# define PREPATCH_FN static inline
#endif

#define PREPATCH_UNDO_HEADER	((__u32)sizeof(struct x86_prepatch_undo))
/* The checksum covers all that follows it. */
#define PREPATCH_UNDO_CRC_FROM	16U
#define PREPATCH_PROFILE_CRC_FROM	8U

/* A piece of original text: it belongs at @addr, which is an address as linked. */
struct prepatch_run {
	__u64 addr;
	const __u8 *bytes;
	__u32 len;
};

struct prepatch_stream {
	const __u8 *pos;
	const __u8 *end;
	__u64 addr;
};

/* CRC-32 of IEEE 802.3, four bits at a time; zlib's crc32() gives the same. */
PREPATCH_FN __u32 prepatch_crc32(const void *data, __u64 len)
{
	static const __u32 table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const __u8 *pos = data;
	__u32 crc = 0xffffffff;

	for (; len; len--) {
		crc ^= *pos++;
		crc = (crc >> 4) ^ table[crc & 15];
		crc = (crc >> 4) ^ table[crc & 15];
	}

	return ~crc;
}

PREPATCH_FN __u32 prepatch_profile_crc32(const struct x86_prepatch_profile *profile)
{
	return prepatch_crc32((const __u8 *)profile + PREPATCH_PROFILE_CRC_FROM,
			      sizeof(*profile) - PREPATCH_PROFILE_CRC_FROM);
}

/* A pre-patched image has a magic number, which may have been damaged; a stock image has zeros. */
PREPATCH_FN int prepatch_undo_is_present(const struct x86_prepatch_undo *undo)
{
	unsigned int i;

	for (i = 0; i < sizeof(undo->magic); i++) {
		if (undo->magic[i])
			return 1;
	}

	return 0;
}

/*
 * Are the header and the checksum right?  @size is what there is room for; nothing behind it is
 * read.
 */
PREPATCH_FN int prepatch_undo_is_valid(const struct x86_prepatch_undo *undo, __u64 size)
{
	static const char magic[] = X86_PREPATCH_UNDO_MAGIC;
	__u64 bytes;
	unsigned int i;

	if (size < PREPATCH_UNDO_HEADER)
		return 0;

	for (i = 0; i < sizeof(undo->magic); i++) {
		if (undo->magic[i] != (__u8)magic[i])
			return 0;
	}

	if (undo->version != X86_PREPATCH_VERSION)
		return 0;

	bytes = (__u64)undo->bytes[X86_PREPATCH_UNDO_CPU] + undo->bytes[X86_PREPATCH_UNDO_CONST];
	if (bytes > size - PREPATCH_UNDO_HEADER)
		return 0;

	return undo->crc == prepatch_crc32((const __u8 *)undo + PREPATCH_UNDO_CRC_FROM,
					   PREPATCH_UNDO_HEADER - PREPATCH_UNDO_CRC_FROM + bytes);
}

/* Start with the first run of a stream.  @undo has to be valid. */
PREPATCH_FN void prepatch_stream_open(struct prepatch_stream *stream,
				      const struct x86_prepatch_undo *undo, unsigned int which)
{
	stream->pos = undo->data;
	if (which == X86_PREPATCH_UNDO_CONST)
		stream->pos += undo->bytes[X86_PREPATCH_UNDO_CPU];
	stream->end = stream->pos + undo->bytes[which];
	stream->addr = undo->base;
}

/* An unsigned LEB128 number of up to 32 bits.  Returns 0, or -1 if it isn't one. */
PREPATCH_FN int prepatch_read_number(struct prepatch_stream *stream, __u32 *number)
{
	unsigned int shift;
	__u32 value = 0;

	for (shift = 0; shift < 32; shift += 7) {
		__u8 byte;

		if (stream->pos == stream->end)
			return -1;

		byte = *stream->pos++;
		if (shift == 28 && byte > 15)
			return -1;

		value |= (__u32)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*number = value;
			return 0;
		}
	}

	return -1;
}

/* Returns 1 and the next run, 0 at the end of the stream, -1 if the stream is damaged. */
PREPATCH_FN int prepatch_stream_next(struct prepatch_stream *stream, struct prepatch_run *run)
{
	__u32 distance, len;

	if (stream->pos == stream->end)
		return 0;

	if (prepatch_read_number(stream, &distance) || prepatch_read_number(stream, &len))
		return -1;

	if (!len || len > (__u64)(stream->end - stream->pos))
		return -1;

	/* Whether the address makes sense is for the caller to see; it never wraps around. */
	if (stream->addr + distance + len < stream->addr)
		return -1;

	run->addr = stream->addr + distance;
	run->bytes = stream->pos;
	run->len = len;
	stream->addr = run->addr + len;
	stream->pos += len;

	return 1;
}

/*
 * Is a stream complete, and does each run lie in one of the ranges?  @undo has to be valid.
 */
PREPATCH_FN int prepatch_stream_is_valid(const struct x86_prepatch_undo *undo, unsigned int which,
					 const struct x86_prepatch_range *ranges,
					 unsigned int nr_ranges)
{
	struct prepatch_stream stream;
	struct prepatch_run run;
	unsigned int i;
	__u32 runs = 0;
	int ret;

	prepatch_stream_open(&stream, undo, which);
	while ((ret = prepatch_stream_next(&stream, &run)) > 0) {
		for (i = 0; i < nr_ranges; i++) {
			if (run.addr >= ranges[i].start && run.addr < ranges[i].end &&
			    run.len <= ranges[i].end - run.addr)
				break;
		}
		if (i == nr_ranges)
			return 0;

		runs++;
	}

	return !ret && runs == undo->runs[which];
}

/*
 * Put the bytes of a stream back.  @delta is what to add to an address as linked to get at it.
 *
 * @undo and the stream have to be valid.  The barrier keeps the loop from becoming a call of
 * memcpy(), which may be part of what is being written.
 */
PREPATCH_FN void prepatch_stream_write(const struct x86_prepatch_undo *undo, unsigned int which,
				       __u64 delta)
{
	struct prepatch_stream stream;
	struct prepatch_run run;
	__u32 i;

	prepatch_stream_open(&stream, undo, which);
	while (prepatch_stream_next(&stream, &run) > 0) {
		__u8 *dest = (__u8 *)(unsigned long)(run.addr + delta);

		for (i = 0; i < run.len; i++) {
			dest[i] = run.bytes[i];
			__asm__ __volatile__("" : : : "memory");
		}
	}
}

#endif /* _ARCH_X86_KERNEL_PREPATCH_UNDO_H */
