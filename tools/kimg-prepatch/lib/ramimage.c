// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel that is in memory before the VMM starts: the memory file, and the program that the VMM
 * loads instead of the kernel. That program is one page at most, ELF header included, so that it
 * costs a guest one private page; file offset and address are congruent for any alignment up to
 * 2 MiB, which some loaders insist on.
 */
#include <elf.h>
#include <errno.h>

#include "private.h"

#define NOTE_OFFSET	(sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr))
#define NOTE_DESC_SIZE	8
#define NOTE_SIZE	(sizeof(Elf64_Nhdr) + 4 + NOTE_DESC_SIZE)
#define CODE_OFFSET	0x100
#define CODE_SIZE	0x10

_Static_assert(NOTE_OFFSET + NOTE_SIZE <= CODE_OFFSET, "note overlaps the code");
_Static_assert(CODE_OFFSET + CODE_SIZE == KIMG_TRAMPOLINE_SIZE, "size of the trampoline");

int kimg_make_trampoline(const struct kimg *img, uint8_t buf[KIMG_TRAMPOLINE_SIZE],
			 struct kimg_err *err)
{
	const Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = KIMG_TRAMPOLINE_ADDR + CODE_OFFSET,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	const Elf64_Phdr ph[2] = {
		{
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = KIMG_TRAMPOLINE_ADDR,
			.p_paddr = KIMG_TRAMPOLINE_ADDR,
			.p_filesz = KIMG_TRAMPOLINE_SIZE,
			.p_memsz = KIMG_TRAMPOLINE_SIZE,
			.p_align = 0x200000,
		},
		{
			.p_type = PT_NOTE,
			.p_flags = PF_R,
			.p_offset = NOTE_OFFSET,
			.p_vaddr = KIMG_TRAMPOLINE_ADDR + NOTE_OFFSET,
			.p_paddr = KIMG_TRAMPOLINE_ADDR + NOTE_OFFSET,
			.p_filesz = NOTE_SIZE,
			.p_memsz = NOTE_SIZE,
			.p_align = 4,
		},
	};
	const Elf64_Nhdr nh = { .n_namesz = 4, .n_descsz = NOTE_DESC_SIZE, .n_type = 18 };
	uint32_t entry = (uint32_t)img->pvh_entry;
	uint8_t *code = buf + CODE_OFFSET, *note = buf + NOTE_OFFSET;
	unsigned int i;

	if (!img->pvh_entry)
		return kimg_fail(err, -EOPNOTSUPP, "no PVH entry: not built with CONFIG_PVH");
	for (i = 0; i < img->nr_segments; i++)
		if (img->segments[i].paddr < KIMG_TRAMPOLINE_ADDR + KIMG_PAGE_SIZE)
			return kimg_fail(err, -EOPNOTSUPP,
					 "kernel is where the trampoline has to be");
	memset(buf, 0, KIMG_TRAMPOLINE_SIZE);
	memcpy(buf, &eh, sizeof(eh));
	memcpy(buf + sizeof(eh), ph, sizeof(ph));
	memcpy(note, &nh, sizeof(nh));
	memcpy(note + sizeof(nh), "Xen", 4);
	put_u64(note + sizeof(nh) + 4, KIMG_TRAMPOLINE_ADDR + CODE_OFFSET);
	/* mov $entry, %eax; jmp *%eax; EBX, the start info, goes through untouched. */
	code[0] = 0xb8;
	memcpy(code + 1, &entry, sizeof(entry));
	code[5] = 0xff;
	code[6] = 0xe0;
	memset(code + 7, 0xf4, CODE_SIZE - 7);
	return 0;
}

static bool is_zero_page(const uint8_t *p)
{
	static const uint8_t zero[KIMG_PAGE_SIZE];

	return !memcmp(p, zero, sizeof(zero));
}

/* Physical pages can hold the end of one segment and the start of the next. */
static void fill_page(const struct kimg *img, uint64_t phys, uint8_t page[KIMG_PAGE_SIZE])
{
	unsigned int i;

	memset(page, 0, KIMG_PAGE_SIZE);
	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];
		uint64_t start = seg->paddr, end = seg->paddr + seg->filesz;

		start = start > phys ? start : phys;
		end = end < phys + KIMG_PAGE_SIZE ? end : phys + KIMG_PAGE_SIZE;
		if (start < end)
			memcpy(page + (start - phys),
			       img->data + seg->offset + (start - seg->paddr), end - start);
	}
}

int kimg_make_ram(const struct kimg *img, uint64_t ram_size, kimg_write_fn write_fn, void *data,
		  struct kimg_err *err)
{
	uint8_t page[KIMG_PAGE_SIZE];
	unsigned int i;
	int ret;

	for (i = 0; i < img->nr_segments; i++)
		if (img->segments[i].paddr + img->segments[i].memsz > ram_size)
			return kimg_fail(err, -EOPNOTSUPP,
					 "%llu MiB of memory are too little: the kernel ends at %#llx",
					 (unsigned long long)ram_size >> 20,
					 (unsigned long long)(img->segments[i].paddr +
							      img->segments[i].memsz));
	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];
		uint64_t phys = seg->paddr & ~(uint64_t)(KIMG_PAGE_SIZE - 1);

		for (; phys < seg->paddr + seg->filesz; phys += KIMG_PAGE_SIZE) {
			fill_page(img, phys, page);
			if (is_zero_page(page))
				continue;
			ret = write_fn(data, phys, page, sizeof(page));
			if (ret)
				return kimg_fail(err, ret, "memory at %#llx can't be written: %s",
						 (unsigned long long)phys, strerror(-ret));
		}
	}
	return 0;
}
