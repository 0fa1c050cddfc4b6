// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <stdlib.h>

#include "synth.h"

static const struct area {
	uint64_t addr, size;
	size_t at;
} areas[] = {
	{ SYNTH_TEXT, SYNTH_TEXT_SIZE, offsetof(struct synth, text) },
	{ SYNTH_RODATA, SYNTH_RODATA_SIZE, offsetof(struct synth, rodata) },
	{ SYNTH_DATA, SYNTH_DATA_SIZE, offsetof(struct synth, data) },
	{ SYNTH_INIT, SYNTH_INIT_SIZE, offsetof(struct synth, init) },
};

uint8_t *synth_at(struct synth *s, uint64_t addr)
{
	size_t i;

	for (i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		if (addr >= areas[i].addr && addr - areas[i].addr < areas[i].size)
			return (uint8_t *)s + areas[i].at + (addr - areas[i].addr);
	abort();
}

static void set_range(struct synth *s, enum x86_prepatch_ranges nr, uint64_t start, uint64_t size)
{
	s->desc.ranges[nr].start = start;
	s->desc.ranges[nr].end = start + size;
}

void synth_init(struct synth *s)
{
	static const uint16_t features[X86_PREPATCH_NR_FEATURES] = {
		SYNTH_F_ALWAYS, SYNTH_F_RETHUNK, SYNTH_F_RETPOLINE, SYNTH_F_RETPOLINE_LFENCE,
		SYNTH_F_CALL_DEPTH, SYNTH_F_ITS, SYNTH_F_UP,
	};
	/* In the order of their numbers; the rest is somewhere else. */
	static const enum x86_prepatch_ranges tables[] = {
		X86_PREPATCH_ALTERNATIVES, X86_PREPATCH_RETPOLINES, X86_PREPATCH_RETURNS,
		X86_PREPATCH_ENDBR_SEALS, X86_PREPATCH_CFI, X86_PREPATCH_SMP_LOCKS,
		X86_PREPATCH_USER_PTR_MAX, X86_PREPATCH_DENTRY_PTR, X86_PREPATCH_DENTRY_SHIFT,
		X86_PREPATCH_MCOUNT,
	};
	struct x86_prepatch_desc *d = &s->desc;
	size_t i;

	memset(s, 0, sizeof(*s));
	memset(s->text, OP_INT3, sizeof(s->text));
	s->code = SYNTH_CODE;
	s->repl = SYNTH_REPL;
	s->inittext = SYNTH_INIT;
	s->has_note = true;
	s->note_version = X86_PREPATCH_VERSION;
	memcpy(d->magic, X86_PREPATCH_DESC_MAGIC, 8);
	d->version = X86_PREPATCH_VERSION;
	d->size = sizeof(*d);
	d->ncapints = SYNTH_NCAPINTS;
	d->nbugints = SYNTH_NBUGINTS;
	d->alt_instr_size = 14;
	d->alt_flag_not = 1;
	d->alt_flag_direct_call = 2;
	d->retpoline_thunk_size = 32;
	d->its_thunk_size = 64;
	d->max_patch_len = MAX_PATCH_LEN;
	memcpy(d->features, features, sizeof(features));
	set_range(s, X86_PREPATCH_TEXT, SYNTH_TEXT, SYNTH_TEXT_SIZE);
	set_range(s, X86_PREPATCH_INITTEXT, SYNTH_INIT, SYNTH_INITTEXT_SIZE);
	set_range(s, X86_PREPATCH_INIT, SYNTH_INIT_BEGIN, SYNTH_PERCPU_SIZE + SYNTH_INIT_SIZE);
	set_range(s, X86_PREPATCH_RODATA, SYNTH_RODATA, SYNTH_RODATA_SIZE);
	set_range(s, X86_PREPATCH_RO_AFTER_INIT, SYNTH_RO_AFTER_INIT,
		  SYNTH_RO_AFTER_SIZE);
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		set_range(s, tables[i], SYNTH_TABLES + i * SYNTH_TABLE_SIZE, 0);
	set_range(s, X86_PREPATCH_JUMP_TABLE, SYNTH_JUMP_TABLE, 0);
	set_range(s, X86_PREPATCH_STATIC_CALLS, SYNTH_STATIC_CALLS, 0);
	set_range(s, X86_PREPATCH_STATIC_CALL_TEXT, SYNTH_TRAMPOLINES, SYNTH_TRAMPOLINES_SIZE);
	set_range(s, X86_PREPATCH_PV_OPS, SYNTH_PV_OPS, SYNTH_NR_PV_OPS * 8);
	set_range(s, X86_PREPATCH_UNDO, SYNTH_UNDO, SYNTH_UNDO_SIZE);
	d->symbols[X86_PREPATCH_RETURN_THUNK] = SYNTH_RETURN_THUNK;
	d->symbols[X86_PREPATCH_ITS_RETURN_THUNK] = SYNTH_ITS_RETURN_THUNK;
	d->symbols[X86_PREPATCH_RETPOLINE_THUNKS] = SYNTH_RETPOLINE_THUNKS;
	d->symbols[X86_PREPATCH_ITS_THUNKS] = SYNTH_ITS_THUNKS;
	d->symbols[X86_PREPATCH_NOP_FUNC] = SYNTH_NOP_FUNC;
	d->symbols[X86_PREPATCH_BUG_FUNC] = SYNTH_BUG_FUNC;
	d->symbols[X86_PREPATCH_SC_RETURN0] = SYNTH_SC_RETURN0;
	d->symbols[X86_PREPATCH_SC_RETURN] = SYNTH_SC_RETURN;
}

uint64_t synth_code(struct synth *s, const void *bytes, size_t len, unsigned int align)
{
	uint64_t addr = (s->code + align - 1) & ~(uint64_t)(align - 1);

	memcpy(synth_at(s, addr), bytes, len);
	/* A byte in between, so that neighbours are told apart. */
	s->code = addr + len + 1;
	return addr;
}

uint64_t synth_inittext(struct synth *s, const void *bytes, size_t len)
{
	uint64_t addr = s->inittext;

	memcpy(synth_at(s, addr), bytes, len);
	s->inittext += len + 1;
	return addr;
}

uint64_t synth_rel32(struct synth *s, uint8_t op, uint64_t dest, unsigned int align)
{
	uint8_t bytes[6] = { 0 };
	uint64_t addr = synth_code(s, bytes, op >> 4 == 8 ? 6 : 5, align);
	uint8_t *p = synth_at(s, addr);

	if (op >> 4 == 8) {
		p[0] = 0x0f;
		text_gen_rel32(p + 1, op, addr + 1, dest);
	} else {
		text_gen_rel32(p, op, addr, dest);
	}
	return addr;
}

static uint8_t *grow(struct synth *s, enum x86_prepatch_ranges nr, size_t size, uint64_t *addr)
{
	*addr = s->desc.ranges[nr].end;
	s->desc.ranges[nr].end += size;
	return synth_at(s, *addr);
}

void synth_add_offset(struct synth *s, enum x86_prepatch_ranges nr, uint64_t addr)
{
	uint64_t at;
	uint8_t *p = grow(s, nr, 4, &at);

	put_s32(p, (int32_t)(addr - at));
}

void synth_add_alt_at(struct synth *s, uint64_t addr, unsigned int len, uint64_t repl,
		      unsigned int repl_len, unsigned int feature, unsigned int flags)
{
	uint64_t at;
	uint8_t *p = grow(s, X86_PREPATCH_ALTERNATIVES, 14, &at);

	put_s32(p, (int32_t)(addr - at));
	put_s32(p + 4, (int32_t)(repl - (at + 4)));
	p[8] = (uint8_t)feature;
	p[9] = (uint8_t)(feature >> 8);
	p[10] = (uint8_t)flags;
	p[11] = (uint8_t)(flags >> 8);
	p[12] = (uint8_t)len;
	p[13] = (uint8_t)repl_len;
}

void synth_add_alt(struct synth *s, uint64_t addr, unsigned int len, const void *repl,
		   unsigned int repl_len, unsigned int feature, unsigned int flags)
{
	uint64_t at = s->repl;

	memcpy(synth_at(s, at), repl, repl_len);
	s->repl += repl_len;
	synth_add_alt_at(s, addr, len, at, repl_len, feature, flags);
}

void synth_add_mcount(struct synth *s, uint64_t addr)
{
	uint64_t at;

	put_u64(grow(s, X86_PREPATCH_MCOUNT, 8, &at), addr);
}

uint64_t synth_add_key(struct synth *s, uint64_t func)
{
	uint64_t addr = SYNTH_KEYS + 16ULL * s->nr_keys++;

	put_u64(synth_at(s, addr), func);
	return addr;
}

void synth_add_static_call(struct synth *s, uint64_t site, uint64_t key, bool is_tail)
{
	uint64_t at;
	uint8_t *p = grow(s, X86_PREPATCH_STATIC_CALLS, 8, &at);

	put_s32(p, (int32_t)(site - at));
	put_s32(p + 4, (int32_t)((key | is_tail) - (at + 4)));
}

void synth_add_jump_label(struct synth *s, uint64_t site, uint64_t target, uint64_t key)
{
	uint64_t at;
	uint8_t *p = grow(s, X86_PREPATCH_JUMP_TABLE, 16, &at);

	put_s32(p, (int32_t)(site - at));
	put_s32(p + 4, (int32_t)(target - (at + 4)));
	put_u64(p + 8, key - (at + 8));
}

void synth_fill(struct synth *s)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	static const uint8_t mov_const[] = { 0x48, 0xb8, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23,
					     0x01 };
	static const uint8_t nop6[] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	static const uint8_t jump_nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	static const uint8_t shl[] = { 0xc1, 0xe8, 0x0c };
	static const uint8_t lock_inc[] = { 0xf0, 0xff, 0x00 };
	static const uint8_t trampoline_ud[] = { 0x0f, 0xb9, 0xcc };
	static const char banner[] = "Linux version 6.12.0 (me@here) (gcc 12 (Debian), ld) #1\n";
	uint8_t call_pv[6] = { 0xff, 0x15 }, call_bug[5];
	uint64_t addr, key, at;
	unsigned int i;

	strcpy((char *)synth_at(s, SYNTH_RODATA), banner);
	for (i = 0; i < 16; i++) {
		addr = synth_rel32(s, OP_JMP32, SYNTH_RETURN_THUNK, 32);
		synth_add_offset(s, X86_PREPATCH_RETURNS, addr);
		if (i == 4)
			continue;
		addr = synth_rel32(s, OP_CALL, SYNTH_RETPOLINE_THUNKS + 32 * i, 16);
		synth_add_offset(s, X86_PREPATCH_RETPOLINES, addr);
		addr = synth_rel32(s, OP_JMP32, SYNTH_RETPOLINE_THUNKS + 32 * i, 8);
		synth_add_offset(s, X86_PREPATCH_RETPOLINES, addr);
		addr = synth_rel32(s, 0x85, SYNTH_RETPOLINE_THUNKS + 32 * i, 4);
		synth_add_offset(s, X86_PREPATCH_RETPOLINES, addr);
	}
	/* One in init text, one in a replacement, one in a trampoline. */
	addr = synth_inittext(s, call_bug, 5);
	text_gen_rel32(synth_at(s, addr), OP_JMP32, addr, SYNTH_RETURN_THUNK);
	synth_add_offset(s, X86_PREPATCH_RETURNS, addr);
	at = s->repl;
	text_gen_rel32(call_bug, OP_JMP32, at, SYNTH_RETURN_THUNK);
	addr = synth_code(s, nop6, 6, 1);
	synth_add_alt(s, addr, 6, call_bug, 5, SYNTH_F_PRESENT, 0);
	synth_add_offset(s, X86_PREPATCH_RETURNS, at);
	addr = SYNTH_TRAMPOLINES;
	text_gen_rel32(synth_at(s, addr), OP_JMP32, addr, SYNTH_RETURN_THUNK);
	memcpy(synth_at(s, addr + 5), trampoline_ud, 3);
	synth_add_offset(s, X86_PREPATCH_RETURNS, addr);

	for (i = 0; i < SYNTH_NR_PV_OPS; i++) {
		addr = synth_code(s, call_pv, 6, 1);
		put_s32(synth_at(s, addr + 2), (int32_t)(SYNTH_PV_OPS + 8 * i - (addr + 6)));
		text_gen_rel32(call_bug, OP_CALL, s->repl, SYNTH_BUG_FUNC);
		synth_add_alt(s, addr, 6, call_bug, 5, SYNTH_F_ALWAYS, 2);
	}
	for (i = 0; i < 4; i++) {
		addr = synth_code(s, endbr, 4, 16);
		synth_add_offset(s, X86_PREPATCH_ENDBR_SEALS, addr);
		addr = synth_rel32(s, OP_CALL, SYNTH_FUNC, 1);
		synth_add_mcount(s, addr);
		addr = synth_code(s, mov_const, 10, 1);
		synth_add_offset(s, X86_PREPATCH_USER_PTR_MAX, addr + 2);
		addr = synth_code(s, lock_inc, 3, 1);
		synth_add_offset(s, X86_PREPATCH_SMP_LOCKS, addr);
	}
	addr = synth_code(s, mov_const, 10, 1);
	synth_add_offset(s, X86_PREPATCH_DENTRY_PTR, addr + 2);
	addr = synth_code(s, shl, 3, 1);
	synth_add_offset(s, X86_PREPATCH_DENTRY_SHIFT, addr + 2);

	/* Tables in an order that isn't that of the kernel. */
	for (i = 0; i < 6; i++) {
		key = synth_add_key(s, i == 0 ? 0 : i == 1 ? SYNTH_SC_RETURN0 : SYNTH_FUNC);
		synth_add_static_call(s, synth_rel32(s, OP_CALL, SYNTH_TRAMPOLINES + 8, 1), key,
				      false);
		synth_add_static_call(s, synth_rel32(s, OP_JMP32, SYNTH_TRAMPOLINES + 8, 1),
				      SYNTH_KEYS, true);
		addr = synth_code(s, jump_nop, 5, 1);
		synth_add_jump_label(s, addr, addr + 64, SYNTH_KEYS + 0x400 - 16 * i + (i & 1));
	}
	addr = synth_inittext(s, jump_nop, 5);
	synth_add_jump_label(s, addr, addr + 2, SYNTH_KEYS + 0x3f0);
	addr = synth_inittext(s, jump_nop, 5);
	text_gen_rel32(synth_at(s, addr), OP_CALL, addr, SYNTH_TRAMPOLINES + 8);
	synth_add_static_call(s, addr, SYNTH_KEYS + 16, false);
}

static size_t put_note(uint8_t *p, const char *name, uint32_t type, const void *desc, size_t len)
{
	const Elf64_Nhdr nh = { (uint32_t)strlen(name) + 1, (uint32_t)len, type };
	size_t at = sizeof(nh);

	memcpy(p, &nh, sizeof(nh));
	memcpy(p + at, name, nh.n_namesz);
	at += (nh.n_namesz + 3) & ~3U;
	memcpy(p + at, desc, len);
	return at + ((len + 3) & ~(size_t)3);
}

uint8_t *synth_finish(struct synth *s, size_t *size)
{
	const struct {
		uint64_t vaddr, paddr, size;
		const uint8_t *bytes;
		uint32_t flags;
	} segs[SYNTH_NR_SEGMENTS] = {
		/* rodata follows text, in memory as in struct synth */
		{ SYNTH_TEXT, 0x1000000, SYNTH_TEXT_SIZE + SYNTH_RODATA_SIZE, s->text,
		  PF_R | PF_X },
		{ SYNTH_DATA, 0x1200000, SYNTH_DATA_SIZE, s->data, PF_R | PF_W },
		{ 0, 0x1204000, SYNTH_PERCPU_SIZE, s->percpu, PF_R | PF_W },
		{ SYNTH_INIT, 0x1205000, SYNTH_INIT_SIZE, s->init, PF_R | PF_W | PF_X },
	};
	const struct x86_prepatch_note pp = { s->note_version, sizeof(struct x86_prepatch_desc),
					      SYNTH_DESC };
	uint8_t build_id[KIMG_BUILD_ID_SIZE], *file, *p;
	uint64_t entry = 0x1000070;
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;
	size_t at = 0x1000, i, n = 0;

	_Static_assert(offsetof(struct synth, rodata) ==
		       offsetof(struct synth, text) + SYNTH_TEXT_SIZE, "text and rodata");
	for (i = 0; i < sizeof(build_id); i++)
		build_id[i] = (uint8_t)(i * 7 + 1);
	memcpy(synth_at(s, SYNTH_DESC), &s->desc, sizeof(s->desc));
	*size = at;
	for (i = 0; i < SYNTH_NR_SEGMENTS; i++)
		*size += segs[i].size;
	file = calloc(1, *size);
	if (!file)
		abort();
	eh = (Elf64_Ehdr *)file;
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_EXEC;
	eh->e_machine = EM_X86_64;
	eh->e_version = EV_CURRENT;
	eh->e_entry = 0x1000000;
	eh->e_phoff = sizeof(*eh);
	eh->e_ehsize = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = SYNTH_NR_SEGMENTS + 1;
	ph = (Elf64_Phdr *)(file + sizeof(*eh));
	for (i = 0; i < SYNTH_NR_SEGMENTS; i++) {
		ph[i] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = segs[i].flags, .p_offset = at,
			.p_vaddr = segs[i].vaddr, .p_paddr = segs[i].paddr,
			.p_filesz = segs[i].size, .p_memsz = segs[i].size, .p_align = 0x1000,
		};
		memcpy(file + at, segs[i].bytes, segs[i].size);
		at += segs[i].size;
	}
	p = file + 0x400;
	n += put_note(p + n, "Xen", 18, &entry, sizeof(entry));
	n += put_note(p + n, "GNU", NT_GNU_BUILD_ID, build_id, sizeof(build_id));
	if (s->has_note)
		n += put_note(p + n, X86_PREPATCH_NOTE_NAME, X86_PREPATCH_NOTE_TYPE, &pp,
			      sizeof(pp));
	ph[i] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_flags = PF_R, .p_offset = 0x400,
			      .p_filesz = n, .p_memsz = n, .p_align = 4 };
	return file;
}

void synth_seal_profile(struct x86_prepatch_profile *profile)
{
	profile->valid = 1;
	profile->crc = undo_crc(profile->build_id,
				sizeof(*profile) - offsetof(struct x86_prepatch_profile, build_id));
}

void synth_profile(struct x86_prepatch_profile *p)
{
	unsigned int i;

	*p = (struct x86_prepatch_profile){
		.cfi_mode = 1,
		.nr_cpuid = 2,
		.nr_words = SYNTH_NCAPINTS + SYNTH_NBUGINTS,
		.nr_pv_ops = SYNTH_NR_PV_OPS,
		.return_thunk = SYNTH_ITS_RETURN_THUNK,
		.user_ptr_max = 0x7ffffffff000ULL,
		.words = { 1U << SYNTH_F_ALWAYS | 1U << SYNTH_F_RETHUNK | 1U << SYNTH_F_ITS,
			   1U << (SYNTH_F_PRESENT - 32) },
		/* a function, a missing one, one that does nothing */
		.pv_ops = { SYNTH_PV_FUNC, 0, SYNTH_NOP_FUNC, SYNTH_PV_FUNC },
	};
	for (i = 0; i < sizeof(p->build_id); i++)
		p->build_id[i] = (uint8_t)(i * 7 + 1);
	synth_seal_profile(p);
}

void synth_seal_undo(struct kimg *img)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);
	struct x86_prepatch_undo head;
	uint8_t *area = image_bytes(img, range->start, range->end - range->start);
	uint64_t need;

	memcpy(&head, area, sizeof(head));
	need = sizeof(head) + (uint64_t)head.bytes[0] + head.bytes[1];
	if (need > range->end - range->start)
		return;
	head.crc = undo_crc(area + offsetof(struct x86_prepatch_undo, base),
			    need - offsetof(struct x86_prepatch_undo, base));
	memcpy(area, &head, sizeof(head));
}
