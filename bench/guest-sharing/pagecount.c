// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a guest's memory are still those of its image, and what changed in the others?
 *
 * A page counts as copied if /proc/PID/pagemap calls it anonymous: the guest's memory is a private
 * mapping of the image, and the first write makes a copy.  Every copied page of the kernel's text
 * and read-only data is compared with the image byte by byte.  The tables in the image, which say
 * where the kernel patches itself, tell what each changed byte belongs to; a byte in text that no
 * table names is unknown.  Where no byte changed, somebody wrote what was there already, or wrote
 * twice.
 *
 * The guest has to be idle: nothing here stops it.  Output is one JSON document; it is printed at
 * the end.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <asm/prepatch.h>

#define PAGE_BYTES	4096UL
#define PAGE_ALIGN(x)	(((x) + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1))

/* /proc/PID/pagemap */
#define PM_PFN		((1ULL << 55) - 1)
#define PM_EXCLUSIVE	(1ULL << 56)
#define PM_FILE		(1ULL << 61)
#define PM_SWAPPED	(1ULL << 62)
#define PM_PRESENT	(1ULL << 63)

/* Layouts of table entries in kernels that have no descriptor. */
#define ALT_INSTR_SIZE	14
#define JUMP_ENTRY_SIZE	16
#define STATIC_CALL_SITE_SIZE 8
#define FLAG_BITS	3ULL

#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define CALL_BYTES	5
#define JCC_BYTES	6
#define ENDBR_BYTES	4
#define POINTER_BYTES	8
#define SHORT_JUMP_BYTES 2

/* Pages are named one by one where at most this many of a region were copied. */
#define LISTED_PAGES	192
#define LISTED_KEYS	8

/* What a byte of the image belongs to.  The first one that fits takes it. */
enum cause {
	RETURNS, RETPOLINES, STATIC_CALLS, TRAMPOLINES, JUMP_LABELS, USER_PTR, DENTRY, FTRACE,
	ENDBR, CFI, LOCKS, ALTERNATIVES, CALL_THUNKS, JUMP_TABLE, STATIC_CALL_TABLE, RO_DATA,
	UNKNOWN, NR_CAUSES,
};

static const char *const cause_names[NR_CAUSES] = {
	"returns", "retpolines", "static_calls", "static_call_trampolines", "jump_labels",
	"user_ptr_max", "dentry_hash", "ftrace", "endbr_seals", "cfi", "smp_locks", "alternatives",
	"call_thunks", "jump_table", "static_call_sites", "ro_after_init_data", "unknown",
};

enum region {
	TEXT, RODATA, RO_AFTER_INIT, GAP, DATA, PERCPU, INIT, BSS, BRK, OTHER, REST, NR_REGIONS,
};

static const char *const region_names[NR_REGIONS] = {
	"text", "rodata", "ro_after_init", "gap", "data", "percpu", "init", "bss", "brk", "other",
	"rest",
};

/* --- the kernel's ELF file ---------------------------------------------------------------- */

struct range {
	uint64_t start, end;
};

static const uint8_t *elf;
static size_t elf_size;
static const Elf64_Phdr *segments;
static size_t nr_segments;
static const Elf64_Shdr *sections;
static size_t nr_sections;
static const char *section_names;
static size_t section_names_size;
static const Elf64_Sym *symbols;	/* all of the file */
static size_t nr_symbols;
static const char *symbol_names;
static size_t symbol_names_size;
static const Elf64_Sym **sorted;	/* those with an address, by address */
static size_t nr_sorted;
static const struct x86_prepatch_desc *desc;
static const uint8_t *build_id;
static uint32_t build_id_size;

static const void *file_part(uint64_t offset, uint64_t size, const char *what)
{
	if (offset > elf_size || size > elf_size - offset)
		errx(1, "%s lies outside of the ELF file", what);
	return elf + offset;
}

/* The bytes at an address of the kernel, as they are in the file; NULL if they aren't there. */
static const uint8_t *bytes_at(uint64_t addr, uint64_t size)
{
	for (size_t i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];

		if (s->p_type != PT_LOAD || !s->p_vaddr || addr < s->p_vaddr ||
		    addr - s->p_vaddr > s->p_filesz || size > s->p_filesz - (addr - s->p_vaddr))
			continue;
		return elf + s->p_offset + (addr - s->p_vaddr);
	}
	return NULL;
}

static uint64_t phys_of(uint64_t addr)
{
	for (size_t i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];

		if (s->p_type == PT_LOAD && s->p_vaddr && addr >= s->p_vaddr &&
		    addr - s->p_vaddr <= s->p_memsz)
			return s->p_paddr + (addr - s->p_vaddr);
	}
	return 0;
}

static const char *section_name(const Elf64_Shdr *s)
{
	return s->sh_name < section_names_size ? section_names + s->sh_name : "";
}

static const char *symbol_name(const Elf64_Sym *s)
{
	return s->st_name < symbol_names_size ? symbol_names + s->st_name : "";
}

static bool is_ignored(const Elf64_Sym *s)
{
	return ELF64_ST_TYPE(s->st_info) == STT_SECTION || ELF64_ST_TYPE(s->st_info) == STT_FILE ||
	       s->st_shndx == SHN_UNDEF || s->st_shndx == SHN_ABS;
}

static int symbols_compare(const void *a, const void *b)
{
	const Elf64_Sym *x = *(const Elf64_Sym *const *)a, *y = *(const Elf64_Sym *const *)b;

	return x->st_value < y->st_value ? -1 : x->st_value > y->st_value;
}

/* The last symbol that doesn't lie behind an address. */
static const char *name_of(uint64_t addr, uint64_t *offset)
{
	size_t low = 0, high = nr_sorted;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sorted[middle]->st_value <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	*offset = addr - sorted[low - 1]->st_value;
	return symbol_name(sorted[low - 1]);
}

static uint64_t symbol_value(const char *name)
{
	for (size_t i = 0; i < nr_symbols; i++)
		if (!strcmp(symbol_name(&symbols[i]), name))
			return symbols[i].st_value;
	return 0;
}

static struct range symbol_range(const char *start, const char *end)
{
	struct range r = { symbol_value(start), symbol_value(end) };

	if (!r.start || r.end < r.start)
		r.start = r.end = 0;
	return r;
}

static struct range section_range(const char *name)
{
	for (size_t i = 0; i < nr_sections; i++)
		if (!strcmp(section_name(&sections[i]), name))
			return (struct range){ sections[i].sh_addr,
					       sections[i].sh_addr + sections[i].sh_size };
	return (struct range){ 0, 0 };
}

static void *map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	*size = (size_t)st.st_size;
	/* MAP_PRIVATE and only read: takes no page away from those who share them. */
	map = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return map;
}

static void notes_read(const Elf64_Phdr *segment)
{
	const uint8_t *notes = file_part(segment->p_offset, segment->p_filesz, "a note");
	uint64_t at = 0;

	while (segment->p_filesz - at >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const void *)(notes + at);
		uint64_t name = at + sizeof(*note);
		uint64_t data = name + ((note->n_namesz + 3UL) & ~3UL);
		uint64_t next = data + ((note->n_descsz + 3UL) & ~3UL);
		const struct x86_prepatch_note *ours = (const void *)(notes + data);

		if (next > segment->p_filesz)
			break;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + name, ELF_NOTE_GNU, note->n_namesz)) {
			build_id = notes + data;
			build_id_size = note->n_descsz;
		}
		if (note->n_type == X86_PREPATCH_NOTE_TYPE &&
		    note->n_namesz == sizeof(X86_PREPATCH_NOTE_NAME) &&
		    !memcmp(notes + name, X86_PREPATCH_NOTE_NAME, note->n_namesz) &&
		    note->n_descsz >= sizeof(*ours)) {
			desc = (const void *)bytes_at(ours->desc, sizeof(*desc));
			if (!desc || memcmp(desc->magic, X86_PREPATCH_DESC_MAGIC, 8) ||
			    desc->version != X86_PREPATCH_VERSION)
				errx(1, "the descriptor is of a version that isn't known");
		}
		at = next;
	}
}

static void elf_read(const char *path)
{
	const Elf64_Ehdr *header;

	elf = map_file(path, &elf_size);
	header = file_part(0, sizeof(*header), "the header");
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_machine != EM_X86_64)
		errx(1, "%s: not an ELF file for x86-64", path);
	nr_segments = header->e_phnum;
	segments = file_part(header->e_phoff, nr_segments * sizeof(*segments),
			     "the program headers");
	nr_sections = header->e_shnum;
	sections = file_part(header->e_shoff, nr_sections * sizeof(*sections),
			     "the section headers");
	for (size_t i = 0; i < nr_segments; i++)
		file_part(segments[i].p_offset, segments[i].p_filesz, "a segment");
	if (nr_sections && header->e_shstrndx < nr_sections) {
		const Elf64_Shdr *s = &sections[header->e_shstrndx];

		section_names = file_part(s->sh_offset, s->sh_size, "the section names");
		section_names_size = s->sh_size;
	}
	for (size_t i = 0; i < nr_sections; i++) {
		const Elf64_Shdr *s = &sections[i], *names;

		if (s->sh_type != SHT_SYMTAB || s->sh_link >= nr_sections)
			continue;
		names = &sections[s->sh_link];
		symbols = file_part(s->sh_offset, s->sh_size, "the symbols");
		nr_symbols = s->sh_size / sizeof(*symbols);
		symbol_names = file_part(names->sh_offset, names->sh_size, "the symbol names");
		symbol_names_size = names->sh_size;
	}
	sorted = calloc(nr_symbols + 1, sizeof(*sorted));
	if (!sorted)
		err(1, "symbols");
	for (size_t i = 0; i < nr_symbols; i++)
		if (!is_ignored(&symbols[i]))
			sorted[nr_sorted++] = &symbols[i];
	qsort(sorted, nr_sorted, sizeof(*sorted), symbols_compare);
	for (size_t i = 0; i < nr_segments; i++)
		if (segments[i].p_type == PT_NOTE)
			notes_read(&segments[i]);
}

/* A range by the descriptor, else by its symbols, else by its section. */
static struct range range_of(int idx, const char *start, const char *end, const char *section)
{
	struct range r = { 0, 0 };

	if (desc && idx >= 0) {
		r.start = desc->ranges[idx].start;
		r.end = desc->ranges[idx].end;
		return r;
	}
	r = symbol_range(start, end);
	if (!r.start && section)
		r = section_range(section);
	return r;
}

/* --- what each byte of the image belongs to ----------------------------------------------- */

static uint64_t base, limit;	/* physical, of all that is loaded */
static uint32_t *marks;		/* sets of causes, one per byte */
static struct range ranges[NR_REGIONS];	/* physical */
static struct range jump_table, static_call_table;

static void mark(uint64_t addr, uint64_t len, enum cause cause)
{
	uint64_t phys = phys_of(addr);

	if (!phys)
		return;
	for (uint64_t i = 0; i < len && phys + i < limit; i++)
		marks[phys + i - base] |= 1U << cause;
}

static void mark_range(struct range r, enum cause cause)
{
	if (r.start)
		mark(r.start, r.end - r.start, cause);
}

static int32_t read_s32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static const uint8_t *table_of(struct range *r, size_t entry)
{
	const uint8_t *table = r->start ? bytes_at(r->start, r->end - r->start) : NULL;

	if (!table)
		r->start = r->end = 0;
	else if ((r->end - r->start) % entry)
		errx(1, "the table at %#" PRIx64 " has no entries of %zu bytes", r->start, entry);
	return table;
}

/* s32 each, relative to itself. */
static void mark_relative(struct range r, enum cause cause, unsigned int len)
{
	const uint8_t *table = table_of(&r, sizeof(int32_t));

	for (uint64_t addr = r.start; addr < r.end; addr += sizeof(int32_t)) {
		uint64_t site = addr + (uint64_t)(int64_t)read_s32(table + (addr - r.start));
		const uint8_t *insn = bytes_at(site, JCC_BYTES);

		/* Conditional jumps, and calls with a prefix, are longer. */
		mark(site, cause == RETPOLINES && insn && (*insn == 0x0f || *insn == 0x2e) ?
		     JCC_BYTES : len, cause);
	}
}

static const struct site_table {
	int idx;
	const char *start, *end;
	enum cause cause;
	unsigned int len;
} site_tables[] = {
	{ X86_PREPATCH_RETURNS, "__return_sites", "__return_sites_end", RETURNS, CALL_BYTES },
	{ X86_PREPATCH_RETPOLINES, "__retpoline_sites", "__retpoline_sites_end", RETPOLINES,
	  CALL_BYTES },
	{ X86_PREPATCH_ENDBR_SEALS, "__ibt_endbr_seal", "__ibt_endbr_seal_end", ENDBR,
	  ENDBR_BYTES },
	{ X86_PREPATCH_CFI, "__cfi_sites", "__cfi_sites_end", CFI, CALL_BYTES },
	{ X86_PREPATCH_SMP_LOCKS, "__smp_locks", "__smp_locks_end", LOCKS, 1 },
	{ X86_PREPATCH_USER_PTR_MAX, "__start_runtime_ptr_USER_PTR_MAX",
	  "__stop_runtime_ptr_USER_PTR_MAX", USER_PTR, POINTER_BYTES },
	{ X86_PREPATCH_DENTRY_PTR, "__start_runtime_ptr_dentry_hashtable",
	  "__stop_runtime_ptr_dentry_hashtable", DENTRY, POINTER_BYTES },
	{ X86_PREPATCH_DENTRY_SHIFT, "__start_runtime_shift_d_hash_shift",
	  "__stop_runtime_shift_d_hash_shift", DENTRY, 1 },
};

static void mark_alternatives(struct range r)
{
	size_t entry = desc ? desc->alt_instr_size : ALT_INSTR_SIZE;
	const uint8_t *table = table_of(&r, entry);

	for (uint64_t addr = r.start; addr < r.end; addr += entry) {
		const uint8_t *alt = table + (addr - r.start);

		/* s32 instruction, s32 replacement, u32 feature and flags, u8 length of both */
		mark(addr + (uint64_t)(int64_t)read_s32(alt), alt[12], ALTERNATIVES);
	}
}

static void mark_mcount(struct range r)
{
	const uint8_t *table = table_of(&r, sizeof(uint64_t));
	uint64_t site;

	for (uint64_t addr = r.start; addr < r.end; addr += sizeof(site)) {
		memcpy(&site, table + (addr - r.start), sizeof(site));
		if (site)
			mark(site, CALL_BYTES, FTRACE);
	}
}

static unsigned int jump_bytes(uint64_t site)
{
	const uint8_t *insn = bytes_at(site, 1);

	return insn && (*insn == 0x66 || *insn == 0xeb) ? SHORT_JUMP_BYTES : CALL_BYTES;
}

struct site {
	uint64_t addr, key;
};

static struct site jump_entry(const uint8_t *table, uint64_t at)
{
	struct site s;
	int64_t key;

	memcpy(&key, table + at + 8, sizeof(key));
	s.addr = jump_table.start + at + (uint64_t)(int64_t)read_s32(table + at);
	s.key = (jump_table.start + at + 8 + (uint64_t)key) & ~FLAG_BITS;
	return s;
}

static struct site static_call(const uint8_t *table, uint64_t at)
{
	struct site s;

	s.addr = static_call_table.start + at + (uint64_t)(int64_t)read_s32(table + at);
	s.key = (static_call_table.start + at + 4 + (uint64_t)(int64_t)read_s32(table + at + 4)) &
		~FLAG_BITS;
	return s;
}

static void mark_late(void)
{
	const uint8_t *table = table_of(&jump_table, JUMP_ENTRY_SIZE);
	struct site s;

	for (uint64_t at = 0; at < jump_table.end - jump_table.start; at += JUMP_ENTRY_SIZE) {
		s = jump_entry(table, at);
		mark(s.addr, jump_bytes(s.addr), JUMP_LABELS);
	}
	table = table_of(&static_call_table, STATIC_CALL_SITE_SIZE);
	for (uint64_t at = 0; at < static_call_table.end - static_call_table.start;
	     at += STATIC_CALL_SITE_SIZE) {
		const uint8_t *insn;

		s = static_call(table, at);
		insn = bytes_at(s.addr, 1);
		mark(s.addr, insn && *insn == 0x0f ? JCC_BYTES : CALL_BYTES, STATIC_CALLS);
	}
}

static struct range phys_range(struct range r)
{
	uint64_t start = r.start ? phys_of(r.start) : 0;

	if (!start)
		return (struct range){ 0, 0 };
	return (struct range){ start, start + (r.end - r.start) };
}

static const struct region_table {
	enum region region;
	int idx;
	const char *start, *end, *section;
} region_tables[] = {
	{ TEXT, X86_PREPATCH_TEXT, "_text", "_etext", ".text" },
	{ RODATA, X86_PREPATCH_RODATA, "__start_rodata", "__end_rodata", NULL },
	{ RO_AFTER_INIT, X86_PREPATCH_RO_AFTER_INIT, "__start_ro_after_init", "__end_ro_after_init",
	  NULL },
	{ INIT, X86_PREPATCH_INIT, "__init_begin", "__init_end", NULL },
	{ DATA, -1, "_sdata", "__init_begin", ".data" },
	{ BSS, -1, "__bss_start", "__bss_stop", ".bss" },
	{ BRK, -1, "__brk_base", "__brk_limit", ".brk" },
};

static void image_read(void)
{
	struct range percpu;

	base = UINT64_MAX;
	for (size_t i = 0; i < nr_segments; i++) {
		if (segments[i].p_type != PT_LOAD)
			continue;
		if (segments[i].p_paddr < base)
			base = segments[i].p_paddr;
		if (segments[i].p_paddr + segments[i].p_memsz > limit)
			limit = segments[i].p_paddr + segments[i].p_memsz;
	}
	if (base >= limit || limit - base > (1UL << 30))
		errx(1, "no kernel in this ELF file");
	limit = PAGE_ALIGN(limit);
	marks = calloc(limit - base, sizeof(*marks));
	if (!marks)
		err(1, "marks");

	for (size_t i = 0; i < sizeof(region_tables) / sizeof(*region_tables); i++) {
		const struct region_table *t = &region_tables[i];

		ranges[t->region] = phys_range(range_of(t->idx, t->start, t->end, t->section));
	}
	percpu = section_range(".data..percpu");
	if (percpu.end > percpu.start && symbol_value("__per_cpu_load")) {
		ranges[PERCPU].start = symbol_value("__per_cpu_load");
		ranges[PERCPU].end = ranges[PERCPU].start + (percpu.end - percpu.start);
		ranges[PERCPU] = phys_range(ranges[PERCPU]);
	}
	ranges[GAP] = (struct range){ base, limit };
	ranges[REST] = (struct range){ 0, UINT64_MAX };
	if (!ranges[TEXT].start || !ranges[RODATA].start)
		errx(1, "neither a descriptor nor symbols: can't tell text from data");

	for (size_t i = 0; i < sizeof(site_tables) / sizeof(*site_tables); i++) {
		const struct site_table *t = &site_tables[i];

		mark_relative(range_of(t->idx, t->start, t->end, NULL), t->cause, t->len);
	}
	mark_relative(section_range(".call_sites"), CALL_THUNKS, CALL_BYTES);
	mark_alternatives(range_of(X86_PREPATCH_ALTERNATIVES, "__alt_instructions",
				   "__alt_instructions_end", NULL));
	mark_mcount(range_of(X86_PREPATCH_MCOUNT, "__start_mcount_loc", "__stop_mcount_loc", NULL));
	mark_range(range_of(X86_PREPATCH_STATIC_CALL_TEXT, "__static_call_text_start",
			    "__static_call_text_end", NULL), TRAMPOLINES);
	jump_table = range_of(X86_PREPATCH_JUMP_TABLE, "__start___jump_table",
			      "__stop___jump_table", NULL);
	static_call_table = range_of(X86_PREPATCH_STATIC_CALLS, "__start_static_call_sites",
				     "__stop_static_call_sites", NULL);
	mark_late();
	mark_range(jump_table, JUMP_TABLE);
	mark_range(static_call_table, STATIC_CALL_TABLE);
	/* What has no table of its own among the data that init may write. */
	for (uint64_t at = ranges[RO_AFTER_INIT].start; at < ranges[RO_AFTER_INIT].end; at++)
		marks[at - base] |= 1U << RO_DATA;
}

static bool overlaps(struct range r, uint64_t page)
{
	return r.start < page + PAGE_BYTES && r.end > page;
}

static enum region region_of(uint64_t page)
{
	static const enum region order[] = {
		TEXT, RO_AFTER_INIT, RODATA, PERCPU, DATA, INIT, BSS, BRK,
	};
	bool loaded = false;

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (overlaps(ranges[order[i]], page))
			return order[i];
	for (size_t i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];
		struct range r = { s->p_paddr, s->p_paddr + s->p_memsz };

		loaded |= s->p_type == PT_LOAD && overlaps(r, page);
	}
	if (loaded)
		return OTHER;
	return overlaps(ranges[GAP], page) ? GAP : REST;
}

/* --- a guest ------------------------------------------------------------------------------ */

struct class {
	unsigned int pages;	/* with at least one changed byte of this cause */
	unsigned int only;	/* and of no other */
	uint64_t bytes;
};

struct pages {
	unsigned int pages, present, copied, changed, shared;
	struct class classes[NR_CAUSES];
};

struct copied_page {
	uint64_t phys;
	enum region region;
	uint32_t causes;	/* of the changed bytes; none: written, but the same */
	uint32_t sites;		/* all that lie in this page */
	unsigned int bytes;
	unsigned int nr_keys;
	uint64_t first;		/* physical address of the first changed byte */
	uint64_t keys[LISTED_KEYS];
};

struct guest {
	int pid;
	uint64_t addr;
	struct pages regions[NR_REGIONS];
	struct copied_page *list;
	size_t nr_list;
	unsigned int zero;
	unsigned int pages;
};

static uint64_t ram_size;
static const uint8_t *ram;	/* the image, NULL if the guest has none */
static uint64_t zero_page;	/* its frame number; 0 if this kernel doesn't say */

/* Reading memory that was never written maps a page that all processes share. */
static void zero_page_find(void)
{
	volatile uint8_t *map = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				     0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t place = (off_t)((uintptr_t)map / PAGE_BYTES * sizeof(uint64_t));
	uint64_t entry;

	if ((const void *)map == MAP_FAILED || fd < 0)
		err(1, "/proc/self/pagemap");
	(void)*map;
	if (pread(fd, &entry, sizeof(entry), place) != sizeof(entry))
		err(1, "/proc/self/pagemap");
	zero_page = entry & PM_PFN;
	close(fd);
}

static enum cause cause_of(uint32_t causes)
{
	return causes ? (enum cause)__builtin_ctz(causes) : UNKNOWN;
}

static void key_add(struct copied_page *page, uint64_t key)
{
	for (unsigned int i = 0; i < page->nr_keys; i++)
		if (page->keys[i] == key)
			return;
	if (page->nr_keys < LISTED_KEYS)
		page->keys[page->nr_keys++] = key;
}

/* Which static keys and calls have a changed site in the page; any site, if no byte changed. */
static void keys_find(struct copied_page *page, const uint8_t *now)
{
	const uint8_t *old = ram + page->phys;
	const uint8_t *table = table_of(&jump_table, JUMP_ENTRY_SIZE);
	const uint8_t *calls = table_of(&static_call_table, STATIC_CALL_SITE_SIZE);
	uint64_t nr_jumps = (jump_table.end - jump_table.start) / JUMP_ENTRY_SIZE;
	uint64_t nr_calls = (static_call_table.end - static_call_table.start) /
			    STATIC_CALL_SITE_SIZE;

	for (uint64_t i = 0; i < nr_jumps + nr_calls; i++) {
		struct site s = i < nr_jumps ? jump_entry(table, i * JUMP_ENTRY_SIZE) :
				static_call(calls, (i - nr_jumps) * STATIC_CALL_SITE_SIZE);
		unsigned int len = i < nr_jumps ? jump_bytes(s.addr) : CALL_BYTES;
		uint64_t at = phys_of(s.addr) - page->phys;

		if (at >= PAGE_BYTES)
			continue;
		if (at + len > PAGE_BYTES)
			len = (unsigned int)(PAGE_BYTES - at);
		if (!page->causes || memcmp(old + at, now + at, len))
			key_add(page, s.key);
	}
}

/* Compare one copied page of text or read-only data with the image. */
static void page_compare(struct guest *guest, int mem, uint64_t phys, enum region region)
{
	uint8_t now[PAGE_BYTES];
	struct copied_page page = { .phys = phys, .region = region };
	struct class found[NR_CAUSES] = { 0 };
	struct pages *count;
	bool outside = false;

	if (pread(mem, now, sizeof(now), (off_t)(guest->addr + phys)) != (ssize_t)sizeof(now))
		err(1, "memory of process %d", guest->pid);
	for (unsigned int i = 0; i < PAGE_BYTES; i++) {
		uint32_t causes = marks[phys + i - base];
		enum cause cause = cause_of(causes);

		page.sites |= causes;
		if (now[i] == ram[phys + i])
			continue;
		if (!page.bytes++)
			page.first = phys + i;
		found[cause].bytes++;
		page.causes |= 1U << cause;
		outside |= phys + i < ranges[RO_AFTER_INIT].start ||
			   phys + i >= ranges[RO_AFTER_INIT].end;
	}
	/* The first and the last page of this data have something else in them, too. */
	if (region == RO_AFTER_INIT && outside)
		page.region = RODATA;
	count = &guest->regions[page.region];
	count->copied++;
	count->changed += !!page.bytes;
	for (int i = 0; i < NR_CAUSES; i++) {
		count->classes[i].bytes += found[i].bytes;
		count->classes[i].pages += !!found[i].bytes;
		count->classes[i].only += page.causes == 1U << i;
	}
	keys_find(&page, now);
	guest->list = realloc(guest->list, (guest->nr_list + 1) * sizeof(page));
	if (!guest->list)
		err(1, "pages");
	guest->list[guest->nr_list++] = page;
}

static uint64_t virt_of(uint64_t phys)
{
	for (size_t i = 0; i < nr_segments; i++) {
		const Elf64_Phdr *s = &segments[i];

		if (s->p_type == PT_LOAD && s->p_vaddr && phys >= s->p_paddr &&
		    phys - s->p_paddr < s->p_memsz)
			return s->p_vaddr + (phys - s->p_paddr);
	}
	return 0;
}

/* Is there no code in a page of text?  Alignment leaves whole pages of int3 in between. */
static bool is_padding(uint64_t phys)
{
	const struct range *r = &ranges[TEXT];
	const uint8_t *text = bytes_at(virt_of(r->start), r->end - r->start);
	uint64_t end = phys + PAGE_BYTES < r->end ? phys + PAGE_BYTES : r->end;

	if (!text)
		return false;
	for (; phys < end; phys++)
		if (text[phys - r->start] != 0xcc && text[phys - r->start])
			return false;
	return true;
}

static void guest_count(struct guest *guest)
{
	uint64_t nr = ram_size / PAGE_BYTES, size = nr * sizeof(uint64_t);
	off_t place = (off_t)(guest->addr / PAGE_BYTES * sizeof(uint64_t));
	uint64_t *entries = malloc(size);
	char path[64];
	int map, mem;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", guest->pid);
	map = open(path, O_RDONLY | O_CLOEXEC);
	if (map < 0 || !entries)
		err(1, "%s", path);
	if (pread(map, entries, size, place) != (ssize_t)size)
		err(1, "%s", path);
	close(map);
	snprintf(path, sizeof(path), "/proc/%d/mem", guest->pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		err(1, "%s", path);
	guest->pages = (unsigned int)nr;
	for (uint64_t i = 0; i < nr; i++) {
		enum region region = region_of(i * PAGE_BYTES);
		struct pages *count;
		uint64_t entry = entries[i];

		/*
		 * Where the image was copied as a whole, so was its padding.  In a mapped image somebody
		 * would have written to it, which is as bad as to code.
		 */
		if (!ram && region == TEXT && is_padding(i * PAGE_BYTES))
			region = GAP;
		count = &guest->regions[region];
		count->pages++;
		if (!(entry & (PM_PRESENT | PM_SWAPPED)))
			continue;
		if (zero_page && (entry & PM_PRESENT) && (entry & PM_PFN) == zero_page) {
			guest->zero++;
			continue;
		}
		count->present++;
		if (entry & PM_FILE) {
			count->shared += !(entry & PM_EXCLUSIVE);
			continue;
		}
		if (ram && (region == TEXT || region == RODATA || region == RO_AFTER_INIT))
			page_compare(guest, mem, i * PAGE_BYTES, region);
		else
			count->copied++;
	}
	close(mem);
	free(entries);
}

/* --- output ------------------------------------------------------------------------------- */

static void causes_print(const char *name, uint32_t causes)
{
	const char *comma = "";

	printf("\"%s\": [", name);
	for (int i = 0; i < NR_CAUSES; i++) {
		if (!(causes & 1U << i))
			continue;
		printf("%s\"%s\"", comma, cause_names[i]);
		comma = ", ";
	}
	printf("], ");
}

static void symbol_print(uint64_t addr, bool exact)
{
	uint64_t offset = 0;
	const char *name = addr ? name_of(addr, &offset) : NULL;

	if (!name)
		printf("\"%#" PRIx64 "\"", addr);
	else if (exact && offset)
		printf("\"%s+%#" PRIx64 "\"", name, offset);
	else
		printf("\"%s\"", name);
}

static void page_print(const struct copied_page *page)
{
	printf("{\"region\": \"%s\", \"address\": \"%#" PRIx64 "\", \"bytes\": %u, ",
	       region_names[page->region], virt_of(page->phys), page->bytes);
	causes_print("causes", page->causes);
	causes_print("sites", page->sites);
	printf("\"at\": ");
	symbol_print(virt_of(page->first ? page->first : page->phys), true);
	printf(", \"keys\": [");
	for (unsigned int i = 0; i < page->nr_keys; i++) {
		printf(i ? ", " : "");
		symbol_print(page->keys[i], false);
	}
	printf("]}");
}

static void region_print(const struct pages *count)
{
	const char *comma = "";

	printf("{\"pages\": %u, \"present\": %u, \"copied\": %u, \"file_shared\": %u", count->pages,
	       count->present, count->copied, count->shared);
	if (count->copied && ram) {
		printf(", \"changed\": %u, \"causes\": {", count->changed);
		for (int i = 0; i < NR_CAUSES; i++) {
			const struct class *c = &count->classes[i];

			if (!c->bytes)
				continue;
			printf("%s\"%s\": {\"pages\": %u, \"only\": %u, \"bytes\": %" PRIu64 "}",
			       comma, cause_names[i], c->pages, c->only, c->bytes);
			comma = ", ";
		}
		printf("}");
	}
	printf("}");
}

static void guest_print(const struct guest *guest)
{
	const char *comma = "";

	printf("{\"pid\": %d, \"pages\": %u, \"zero_page\": %u, \"regions\": {", guest->pid,
	       guest->pages, guest->zero);
	for (int i = 0; i < NR_REGIONS; i++) {
		printf("%s\n  \"%s\": ", i ? "," : "", region_names[i]);
		region_print(&guest->regions[i]);
	}
	printf("},\n \"list\": [");
	for (size_t i = 0; i < guest->nr_list; i++) {
		if (guest->regions[guest->list[i].region].copied > LISTED_PAGES)
			continue;
		printf("%s\n  ", comma);
		page_print(&guest->list[i]);
		comma = ",";
	}
	printf("]}");
}

/* Bytes of text up to the last instruction: what follows up to the end is padding. */
static uint64_t text_used(void)
{
	struct range r = ranges[TEXT];
	uint64_t start = virt_of(r.start), size = r.end - r.start;
	const uint8_t *text = bytes_at(start, size);

	while (text && size && (text[size - 1] == 0xcc || !text[size - 1]))
		size--;
	return size;
}

static uint64_t text_pages(void)
{
	uint64_t pages = 0;

	for (uint64_t at = ranges[TEXT].start; at < ranges[TEXT].end; at += PAGE_BYTES)
		pages += !is_padding(at);
	return pages;
}

static uint32_t pvh_entry(void)
{
	for (size_t i = 0; i < nr_segments; i++) {
		uint64_t at = 0, size = segments[i].p_filesz;
		const uint8_t *notes = elf + segments[i].p_offset;

		if (segments[i].p_type != PT_NOTE)
			continue;
		while (size - at >= sizeof(Elf64_Nhdr)) {
			const Elf64_Nhdr *n = (const void *)(notes + at);
			uint64_t data = at + sizeof(*n) + ((n->n_namesz + 3UL) & ~3UL);
			uint64_t next = data + ((n->n_descsz + 3UL) & ~3UL);

			if (next > size)
				break;
			if (n->n_type == XEN_ELFNOTE_PHYS32_ENTRY && n->n_namesz == 4 &&
			    !memcmp(notes + at + sizeof(*n), "Xen", 4) && n->n_descsz >= 4)
				return (uint32_t)read_s32(notes + data);
			at = next;
		}
	}
	return 0;
}

static void image_print(void)
{
	uint64_t text_size = ranges[TEXT].end - ranges[TEXT].start, used = text_used(), loaded = 0;

	for (size_t i = 0; i < nr_segments; i++)
		if (segments[i].p_type == PT_LOAD)
			loaded += segments[i].p_filesz;
	printf("{\"descriptor\": %s, \"symbols\": %zu, \"text_pages\": %" PRIu64
	       ", \"text_pages_with_padding\": %" PRIu64 ", \"text_padding\": %" PRIu64
	       ", \"rodata_pages\": %" PRIu64 ", \"ro_after_init_bytes\": %" PRIu64
	       ", \"loaded_kib\": %" PRIu64 ", \"pvh_entry\": %" PRIu32 ", \"build_id\": \"",
	       desc ? "true" : "false", nr_sorted, text_pages(),
	       PAGE_ALIGN(text_size) / PAGE_BYTES, used < text_size ? ranges[TEXT].start + used : 0,
	       PAGE_ALIGN(ranges[RODATA].end - ranges[RODATA].start) / PAGE_BYTES,
	       ranges[RO_AFTER_INIT].end - ranges[RO_AFTER_INIT].start, loaded / 1024, pvh_entry());
	for (uint32_t i = 0; i < build_id_size; i++)
		printf("%02x", build_id[i]);
	printf("\"}");
}

/* How fast the time stamp counter of this host runs: QEMU hands it to its guests as it is. */
static void tsc_print(void)
{
	struct timespec start, now, pause = { 0, 100000000 };
	uint64_t ticks = __builtin_ia32_rdtsc();
	long ns;

	clock_gettime(CLOCK_MONOTONIC_RAW, &start);
	nanosleep(&pause, NULL);
	ticks = __builtin_ia32_rdtsc() - ticks;
	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	ns = (now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec;
	printf("%.0f\n", (double)ticks * 1e6 / (double)ns);
}

static void usage(FILE *out)
{
	fputs("Usage: pagecount VMLINUX [IMAGE|- MIB PID:ADDRESS...]\n"
	      "       pagecount --tsc-khz\n\n"
	      "VMLINUX is the kernel that IMAGE was made of, IMAGE the file that the guests map\n"
	      "(-: none), MIB the size of their memory, ADDRESS where process PID has it.\n", out);
}

int main(int argc, char **argv)
{
	struct guest *guests;
	size_t nr = 0, size;
	int i;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--tsc-khz")) {
		tsc_print();
		return 0;
	}
	if (argc < 2 || argc == 3) {
		usage(stderr);
		return 2;
	}
	elf_read(argv[1]);
	image_read();
	if (argc > 3) {
		ram_size = strtoull(argv[3], NULL, 0) << 20;
		if (strcmp(argv[2], "-")) {
			ram = map_file(argv[2], &size);
			if (size < limit)
				errx(1, "%s: smaller than the kernel", argv[2]);
		}
		if (ram_size < limit)
			errx(1, "%s MiB: smaller than the kernel", argv[3]);
	}
	zero_page_find();
	guests = calloc((size_t)argc, sizeof(*guests));
	if (!guests)
		err(1, "guests");
	for (i = 4; i < argc; i++, nr++) {
		if (sscanf(argv[i], "%d:%" SCNx64, &guests[nr].pid, &guests[nr].addr) != 2)
			errx(2, "%s: not PID:ADDRESS", argv[i]);
		guest_count(&guests[nr]);
	}
	printf("{\"image\": ");
	image_print();
	printf(",\n\"guests\": [");
	for (size_t n = 0; n < nr; n++) {
		printf(n ? ",\n" : "\n");
		guest_print(&guests[n]);
	}
	printf("]}\n");
	if (fflush(stdout) || ferror(stdout))
		err(1, "output");
	return 0;
}
