// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF side: headers and segments, never sections, so that stripped files are as good as any.
 *
 * libelf reads; what it returns is not believed before it has been checked here. After
 * elf_parse() every segment is inside the file, and no two overlap in the file, in virtual or in
 * physical memory.
 */
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>

#include "private.h"

/* Offsets of the x86 boot protocol: a bzImage is not what was linked. */
#define BOOT_FLAG_OFFSET	0x1fe
#define BOOT_HEADER_OFFSET	0x202

#define MAX_PHNUM		64

static int check_file(const struct kimg *img, struct kimg_err *err)
{
	static const uint8_t boot_flag[] = { 0x55, 0xaa };
	const uint8_t *d = img->data;

	if (img->size >= BOOT_HEADER_OFFSET + 4 && !memcmp(d + BOOT_HEADER_OFFSET, "HdrS", 4) &&
	    !memcmp(d + BOOT_FLAG_OFFSET, boot_flag, sizeof(boot_flag)))
		return kimg_fail(err, -EOPNOTSUPP,
				 "is a bzImage; give the vmlinux that it was made from");
	if (img->size < SELFMAG || memcmp(d, ELFMAG, SELFMAG))
		return kimg_fail(err, -EOPNOTSUPP, "not an ELF file");
	if (img->size < sizeof(Elf64_Ehdr))
		return kimg_fail(err, -EBADMSG, "truncated: no ELF header");
	if (d[EI_CLASS] != ELFCLASS64 || d[EI_DATA] != ELFDATA2LSB)
		return kimg_fail(err, -EOPNOTSUPP, "not a 64-bit little endian ELF file");
	return 0;
}

static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a_len && b_len && a < b + b_len && b < a + a_len;
}

static int add_segment(struct kimg *img, const GElf_Phdr *ph, struct kimg_err *err)
{
	struct kimg_segment *seg = &img->segments[img->nr_segments], *other;
	uint64_t end;

	if (!ph->p_memsz && !ph->p_filesz)
		return 0;
	if (img->nr_segments == KIMG_MAX_SEGMENTS)
		return kimg_fail(err, -EOPNOTSUPP, "more than %d PT_LOAD segments",
				 KIMG_MAX_SEGMENTS);
	if (__builtin_add_overflow(ph->p_offset, ph->p_filesz, &end) || end > img->size)
		return kimg_fail(err, -EBADMSG,
				 "truncated: the segment at offset %#llx is not all in the file",
				 (unsigned long long)ph->p_offset);
	if (ph->p_filesz > ph->p_memsz ||
	    __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
	    __builtin_add_overflow(ph->p_paddr, ph->p_memsz, &end))
		return kimg_fail(err, -EBADMSG, "segment at offset %#llx has an impossible size",
				 (unsigned long long)ph->p_offset);
	for (other = img->segments; other < seg; other++)
		if (overlap(other->vaddr, other->memsz, ph->p_vaddr, ph->p_memsz) ||
		    overlap(other->paddr, other->memsz, ph->p_paddr, ph->p_memsz) ||
		    overlap(other->offset, other->filesz, ph->p_offset, ph->p_filesz))
			return kimg_fail(err, -EBADMSG,
					 "segments at offsets %#llx and %#llx overlap",
					 (unsigned long long)other->offset,
					 (unsigned long long)ph->p_offset);
	*seg = (struct kimg_segment){
		.vaddr = ph->p_vaddr,
		.paddr = ph->p_paddr,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.memsz = ph->p_memsz,
		.flags = ph->p_flags,
	};
	img->nr_segments++;
	return 0;
}

static int parse_segments(struct kimg *img, Elf *elf, size_t nr, struct kimg_err *err)
{
	GElf_Phdr ph;
	uint64_t end;
	size_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			return kimg_fail(err, -EBADMSG, "truncated: program header %zu", i);
		if (ph.p_type != PT_LOAD)
			continue;
		ret = add_segment(img, &ph, err);
		if (ret)
			return ret;
	}
	if (!img->nr_segments)
		return kimg_fail(err, -EOPNOTSUPP, "no PT_LOAD segment");
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph))
			return kimg_fail(err, -EBADMSG, "truncated: program header %zu", i);
		if (ph.p_type != PT_NOTE)
			continue;
		if (__builtin_add_overflow(ph.p_offset, ph.p_filesz, &end) || end > img->size)
			return kimg_fail(err, -EBADMSG, "truncated: notes at offset %#llx",
					 (unsigned long long)ph.p_offset);
		ret = note_parse(img, img->data + ph.p_offset, ph.p_filesz, ph.p_align, err);
		if (ret)
			return ret;
	}
	return 0;
}

int elf_parse(struct kimg *img, struct kimg_err *err)
{
	GElf_Ehdr eh;
	size_t nr;
	Elf *elf;
	int ret;

	ret = check_file(img, err);
	if (ret)
		return ret;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return kimg_fail(err, -EOPNOTSUPP, "libelf: %s", elf_errmsg(-1));
	elf = elf_memory((char *)img->data, img->size);
	if (!elf)
		return kimg_fail(err, -EBADMSG, "libelf: %s", elf_errmsg(-1));
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh)) {
		ret = kimg_fail(err, -EBADMSG, "no ELF header that makes sense");
		goto out;
	}
	if (eh.e_machine != EM_X86_64) {
		ret = kimg_fail(err, -EOPNOTSUPP, "not for x86-64");
		goto out;
	}
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN) {
		ret = kimg_fail(err, -EOPNOTSUPP, "not a linked kernel");
		goto out;
	}
	/* The size of the entries is checked by hand: libelf takes its own for granted. */
	if (elf_getphdrnum(elf, &nr) || !nr || nr > MAX_PHNUM ||
	    eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phoff > img->size ||
	    nr * sizeof(Elf64_Phdr) > img->size - eh.e_phoff) {
		ret = kimg_fail(err, -EBADMSG, "no program headers that make sense");
		goto out;
	}
	img->entry = eh.e_entry;
	ret = parse_segments(img, elf, nr, err);
out:
	elf_end(elf);
	return ret;
}
