// SPDX-License-Identifier: GPL-2.0-only
/* Notes: build id, PVH entry, and where the descriptor is. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "private.h"

#define XEN_NOTE_NAME		"Xen"
#define XEN_NOTE_PHYS32_ENTRY	18

struct note {
	const char *name;
	size_t name_len;	/* with its zero */
	uint32_t type;
	const uint8_t *desc;
	size_t desc_len;
};

static bool note_is(const struct note *note, const char *name, uint32_t type)
{
	return note->type == type && note->name_len == strlen(name) + 1 &&
	       !memcmp(note->name, name, note->name_len);
}

static int take_note(struct kimg *img, const struct note *note, struct kimg_err *err)
{
	struct x86_prepatch_note pp;

	if (note_is(note, "GNU", NT_GNU_BUILD_ID)) {
		if (note->desc_len != sizeof(img->build_id))
			return 0;
		memcpy(img->build_id, note->desc, sizeof(img->build_id));
		img->has_build_id = true;
		return 0;
	}
	if (note_is(note, XEN_NOTE_NAME, XEN_NOTE_PHYS32_ENTRY)) {
		uint32_t entry;

		if (note->desc_len < sizeof(entry))
			return kimg_fail(err, -EBADMSG, "PVH note is too short");
		memcpy(&entry, note->desc, sizeof(entry));
		img->pvh_entry = entry;
		return 0;
	}
	if (!note_is(note, X86_PREPATCH_NOTE_NAME, X86_PREPATCH_NOTE_TYPE))
		return 0;
	if (img->has_desc)
		return kimg_fail(err, -EBADMSG, "more than one descriptor note");
	if (note->desc_len < sizeof(pp.version))
		return kimg_fail(err, -EBADMSG, "descriptor note is too short");
	memcpy(&pp.version, note->desc, sizeof(pp.version));
	if (pp.version != X86_PREPATCH_VERSION)
		return kimg_fail(err, -EOPNOTSUPP,
				 "descriptor has version %u, this program knows version %u",
				 pp.version, X86_PREPATCH_VERSION);
	if (note->desc_len < sizeof(pp))
		return kimg_fail(err, -EBADMSG, "descriptor note is too short");
	memcpy(&pp, note->desc, sizeof(pp));
	if (pp.desc_size != sizeof(struct x86_prepatch_desc))
		return kimg_fail(err, -EBADMSG, "descriptor has %u bytes, not %zu", pp.desc_size,
				 sizeof(struct x86_prepatch_desc));
	img->desc_addr = pp.desc;
	img->has_desc = true;
	return 0;
}

/* Moves to the next multiple of @align; false if that is beyond the end. */
static bool skip(size_t *pos, size_t len, size_t align, size_t size)
{
	size_t end;

	if (__builtin_add_overflow(*pos, len, &end) ||
	    __builtin_add_overflow(end, align - 1, &end))
		return false;
	end &= ~(align - 1);
	/* The padding of the last one may be missing. */
	*pos = end > size ? size : end;
	return true;
}

int note_parse(struct kimg *img, const uint8_t *notes, size_t size, uint64_t align,
	       struct kimg_err *err)
{
	size_t pos = 0, pad = align == 8 ? 8 : 4;
	struct note note;
	int ret;

	while (size - pos >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nh;

		memcpy(&nh, notes + pos, sizeof(nh));
		pos += sizeof(nh);
		if (nh.n_namesz > size - pos)
			return kimg_fail(err, -EBADMSG, "truncated: name of a note");
		note.name = (const char *)notes + pos;
		note.name_len = nh.n_namesz;
		note.type = nh.n_type;
		if (!skip(&pos, nh.n_namesz, pad, size) || nh.n_descsz > size - pos)
			return kimg_fail(err, -EBADMSG, "truncated: content of a note");
		note.desc = notes + pos;
		note.desc_len = nh.n_descsz;
		ret = take_note(img, &note, err);
		if (ret)
			return ret;
		if (!skip(&pos, nh.n_descsz, pad, size))
			return kimg_fail(err, -EBADMSG, "truncated: content of a note");
	}
	return 0;
}
