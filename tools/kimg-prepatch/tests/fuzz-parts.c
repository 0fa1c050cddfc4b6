// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target for what reads hostile data besides the image: undo data, profiles, the memory of
 * guests, and program headers where memory is made from them. The first byte of the input says
 * which. Images are made once and put back after each run, so that runs are short.
 */
#include <elf.h>
#include <errno.h>
#include <json-c/json.h>

#include "cmd.h"
#include "fuzz.h"
#include "prepatch_undo.h"

#define PHYS(addr)	((addr) - SYNTH_TEXT + 0x1000000)
#define MEMORY_START	0x1000000
#define MEMORY_END	0x1220000
#define MAX_CHANGES	32
#define MAX_PAGES	256
#define MAX_STREAMS	512

struct image {
	struct kimg img;
	uint8_t *bytes;		/* as they were */
	uint8_t *memory;	/* of its guest, from MEMORY_START on */
};

static struct image stock, baked;
static size_t image_size;
static struct x86_prepatch_profile profile;

/* The input, taken from the front; zeros behind the end. */
struct input {
	const uint8_t *data;
	size_t size;
};

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t val = 0;
	unsigned int i;

	for (i = 0; i < bytes && in->size; i++) {
		val |= (uint64_t)*in->data++ << 8 * i;
		in->size--;
	}
	return val;
}

static int write_memory(void *data, uint64_t phys, const void *buf, size_t len)
{
	struct image *image = data;

	expect(phys >= MEMORY_START && phys + len <= MEMORY_END, "kernel is in its memory");
	memcpy(image->memory + (phys - MEMORY_START), buf, len);
	return 0;
}

static void put_back(struct image *image)
{
	memcpy(image->img.data, image->bytes, image_size);
	memcpy(&image->img.desc, image_bytes(&image->img, SYNTH_DESC, sizeof(image->img.desc)),
	       sizeof(image->img.desc));
}

static void make_image(struct image *image, const uint8_t *file, bool is_baked)
{
	struct kimg_err err;

	expect(!kimg_open(&image->img, copy_of(file, image_size), image_size, &err), "good image");
	if (is_baked)
		expect(!kimg_apply(&image->img, &profile, NULL, &err), "the image can be patched");
	image->bytes = copy_of(image->img.data, image_size);
	image->memory = calloc(1, MEMORY_END - MEMORY_START);
	expect(image->memory &&
	       !kimg_make_ram(&image->img, 64 << 20, write_memory, image, &err), "memory");
}

static void make_images(void)
{
	static struct synth s;
	uint8_t *file;

	synth_init(&s);
	synth_fill(&s);
	synth_profile(&profile);
	file = synth_finish(&s, &image_size);
	make_image(&stock, file, false);
	make_image(&baked, file, true);
	free(file);
}

/* undo data */

static bool is_valid_stream(const struct x86_prepatch_undo *undo, size_t size, unsigned int which,
			    const struct x86_prepatch_range *range)
{
	const uint8_t *end = (const uint8_t *)undo + size;
	struct prepatch_stream stream;
	struct prepatch_run run;
	bool is_inside = true;
	uint64_t last = undo->base;
	uint32_t runs = 0;
	int ret;

	prepatch_stream_open(&stream, undo, which);
	while ((ret = prepatch_stream_next(&stream, &run)) > 0) {
		expect(run.len && run.bytes >= undo->data && run.bytes + run.len <= end,
		       "a run is in the data");
		expect(run.addr >= last && run.addr + run.len > run.addr, "runs ascend");
		last = run.addr + run.len;
		is_inside &= run.addr >= range->start && last <= range->end;
		runs++;
		expect(runs <= size / 3, "a run takes three bytes");
	}
	return !ret && is_inside && runs == undo->runs[which];
}

/* As the kernel reads it: all of it is checked, then it is written. */
static void try_streams(const struct x86_prepatch_undo *undo, size_t size)
{
	const struct x86_prepatch_range range = { SYNTH_TEXT, SYNTH_TEXT + 0x400 };
	uint8_t *text = malloc(range.end - range.start);
	unsigned int which;

	if (!text)
		abort();
	for (which = 0; which < 2; which++) {
		bool is_valid = is_valid_stream(undo, size, which, &range);

		expect(is_valid == prepatch_stream_is_valid(undo, which, &range, 1),
		       "the kernel takes what is valid");
		if (is_valid)
			prepatch_stream_write(undo, which, (uintptr_t)text - range.start);
	}
	free(text);
}

static uint32_t count_runs(const struct x86_prepatch_undo *undo, unsigned int which)
{
	struct prepatch_stream stream;
	struct prepatch_run run;
	uint32_t n = 0;

	prepatch_stream_open(&stream, undo, which);
	while (prepatch_stream_next(&stream, &run) > 0)
		n++;
	return n;
}

static bool is_same(uint64_t addr, size_t len)
{
	const uint8_t *now = image_bytes(&baked.img, addr, len);

	return !memcmp(now, baked.bytes + (now - baked.img.data), len);
}

/* Streams that are well formed, whatever is in them. The first one has up to @split runs. */
static size_t make_streams(struct input *in, unsigned int split, uint8_t room[MAX_STREAMS],
			   uint32_t *first)
{
	size_t at = 0;
	unsigned int n;

	*first = 0;
	for (n = 0; in->size && at + 16 <= MAX_STREAMS; n++) {
		uint32_t distance = (uint32_t)take(in, 2) << take(in, 1) % 16;
		uint8_t len = 1 + take(in, 1) % 8;

		for (; distance > 0x7f; distance >>= 7)
			room[at++] = 0x80 | (distance & 0x7f);
		room[at++] = (uint8_t)distance;
		room[at++] = len;
		memset(room + at, 0xa5, len);
		at += len;
		if (n < split)
			*first = (uint32_t)at;
	}
	return at;
}

static void try_undo(struct input *in)
{
	uint8_t room[MAX_STREAMS];
	unsigned int flags = (unsigned int)take(in, 1), split = (unsigned int)take(in, 1);
	struct x86_prepatch_undo head = { .version = X86_PREPATCH_VERSION, .base = SYNTH_TEXT };
	struct x86_prepatch_undo *undo;
	struct kimg_err err;
	uint8_t *area;
	size_t size;

	memcpy(head.magic, X86_PREPATCH_UNDO_MAGIC, sizeof(head.magic));
	if (flags & 1)
		head.base = take(in, 8);
	if (flags & 2) {
		head.bytes[0] = (uint32_t)take(in, 4);
		head.bytes[1] = (uint32_t)take(in, 4);
		head.runs[0] = (uint32_t)take(in, 2);
		head.runs[1] = (uint32_t)take(in, 2);
	} else if (flags & 8) {
		in->size = make_streams(in, split % 8, room, &head.bytes[0]);
		in->data = room;
		head.bytes[1] = (uint32_t)in->size - head.bytes[0];
	} else {
		head.bytes[0] = (uint32_t)(in->size * split / 255);
		head.bytes[1] = (uint32_t)in->size - head.bytes[0];
	}
	/* No byte more than there is, for the sanitizer. */
	size = sizeof(head) + in->size;
	undo = malloc(size);
	if (!undo)
		abort();
	memcpy(undo, &head, sizeof(head));
	memcpy(undo->data, in->data, in->size);
	if (!(flags & 2)) {
		undo->runs[0] = count_runs(undo, 0);
		undo->runs[1] = count_runs(undo, 1);
	}
	if (!(flags & 4) && (uint64_t)head.bytes[0] + head.bytes[1] <= in->size)
		undo->crc = undo_crc((uint8_t *)undo + PREPATCH_UNDO_CRC_FROM,
				     sizeof(head) - PREPATCH_UNDO_CRC_FROM +
				     (uint64_t)head.bytes[0] + head.bytes[1]);
	if (prepatch_undo_is_valid(undo, size))
		try_streams(undo, size);

	/* As this program does. */
	area = image_bytes(&baked.img, SYNTH_UNDO, SYNTH_UNDO_SIZE);
	memset(area, 0, SYNTH_UNDO_SIZE);
	memcpy(area, undo, size < SYNTH_UNDO_SIZE ? size : SYNTH_UNDO_SIZE);
	free(undo);
	undo = copy_of(area, SYNTH_UNDO_SIZE);
	if (kimg_undo(&baked.img, &err)) {
		expect(*err.text && !strchr(err.text, '\n'), "one line of reason");
		expect(!memcmp(area, undo, SYNTH_UNDO_SIZE), "a failed undo leaves the data");
		memcpy(area, baked.bytes + (area - baked.img.data), SYNTH_UNDO_SIZE);
		expect(!memcmp(baked.img.data, baked.bytes, image_size),
		       "a failed undo writes nothing");
	} else {
		expect(!kimg_is_baked(&baked.img), "what is undone is not pre-patched");
		expect(is_same(SYNTH_RODATA, SYNTH_RO_AFTER_SIZE) && is_same(SYNTH_KEYS, 0x800) &&
		       is_same(SYNTH_PV_OPS, SYNTH_NR_PV_OPS * 8) &&
		       is_same(SYNTH_DESC, offsetof(struct x86_prepatch_desc, expected)),
		       "undo writes nothing but text and tables");
	}
	free(undo);
	put_back(&baked);
}

/* profiles */

static void try_profile(struct input *in)
{
	unsigned int flags = (unsigned int)take(in, 1);
	size_t size = sizeof(struct x86_prepatch_profile);
	struct x86_prepatch_profile changed = profile, got;
	struct json_object *doc;
	struct kimg_err err;
	uint8_t *file;

	while (in->size) {
		size_t at = (size_t)take(in, 2) % sizeof(changed);

		((uint8_t *)&changed)[at] = (uint8_t)take(in, 1);
	}
	if (!(flags & 1))
		synth_seal_profile(&changed);
	if (flags & 2)
		size -= flags >> 2;
	file = copy_of(&changed, size);
	memset(&err, 0, sizeof(err));
	if (kimg_profile_parse(file, size, &got, &err)) {
		expect(*err.text && !strchr(err.text, '\n'), "one line of reason");
		free(file);
		return;
	}
	free(file);
	doc = report_profile(NULL, &got);
	expect(json_object_to_json_string(doc) != NULL, "a profile can be shown");
	json_object_put(doc);
	if (kimg_profile_fits(&stock.img, &got, &err)) {
		expect(*err.text && !strchr(err.text, '\n'), "one line of reason");
		return;
	}
	if (!kimg_apply(&stock.img, &got, NULL, &err)) {
		expect(!memcmp(&stock.img.desc.expected, &got, sizeof(got)),
		       "the profile is in it");
		expect(!kimg_undo(&stock.img, &err), "what was applied can be undone");
		expect(!memcmp(stock.img.data, stock.bytes, image_size),
		       "undo gives back the original");
	}
	put_back(&stock);
}

/* memory of guests */

struct guest {
	struct image *image;
	unsigned int calls, fails_at;
};

static int read_guest(void *data, uint64_t phys, void *buf, size_t len)
{
	struct guest *guest = data;

	if (++guest->calls == guest->fails_at)
		return -EIO;
	expect(phys >= MEMORY_START && phys + len <= MEMORY_END, "only the kernel is read");
	memcpy(buf, guest->image->memory + (phys - MEMORY_START), len);
	return 0;
}

static uint64_t count_changes(const struct image *image)
{
	const uint8_t *want = image_bytes(&image->img, SYNTH_TEXT,
					  SYNTH_TEXT_SIZE + SYNTH_RODATA_SIZE);
	const uint8_t *got = image->memory + (PHYS(SYNTH_TEXT) - MEMORY_START);
	uint64_t n = 0, pos;

	for (pos = 0; (pos = bytes_differ(want, got, pos, SYNTH_TEXT_SIZE + SYNTH_RODATA_SIZE)) <
		      SYNTH_TEXT_SIZE + SYNTH_RODATA_SIZE; pos++)
		n++;
	return n;
}

static void try_verify(struct input *in)
{
	struct guest guest = { .image = take(in, 1) & 1 ? &baked : &stock };
	uint32_t changed[MAX_CHANGES];
	uint8_t old[MAX_CHANGES];
	struct kimg_verify result;
	unsigned int i, n = 0;
	uint64_t sum;
	struct kimg_err err;
	int ret;

	guest.fails_at = (unsigned int)take(in, 1);
	while (in->size && n < MAX_CHANGES) {
		uint32_t at = (uint32_t)take(in, 2) % (SYNTH_TEXT_SIZE + SYNTH_RODATA_SIZE);

		changed[n] = at;
		old[n++] = guest.image->memory[at];
		guest.image->memory[at] = (uint8_t)take(in, 1);
	}
	memset(&err, 0, sizeof(err));
	ret = kimg_verify(&guest.image->img, read_guest, &guest, &result, &err);
	expect(!memcmp(guest.image->img.data, guest.image->bytes, image_size),
	       "verify changes nothing");
	if (ret) {
		expect(ret == -EIO && *err.text && !strchr(err.text, '\n'), "one line of reason");
	} else {
		sum = result.unknown_bytes;
		for (i = 0; i < KIMG_NR_CLASSES; i++)
			sum += result.classes[i].bytes;
		expect(sum == count_changes(guest.image), "verify counts every byte");
		expect(result.text_pages_changed <= result.text_pages &&
		       result.rodata_pages_changed <= result.rodata_pages &&
		       result.ro_after_init_pages_changed <= result.ro_after_init_pages,
		       "no more pages than there are");
		json_object_put(report_verify(&result));
	}
	while (n--)
		guest.image->memory[changed[n]] = old[n];
}

/* program headers */

struct pages {
	uint64_t ram_size;
	uint64_t phys[MAX_PAGES];
	unsigned int nr;
};

static int write_page(void *data, uint64_t phys, const void *buf, size_t len)
{
	static const uint8_t zero[KIMG_PAGE_SIZE];
	struct pages *pages = data;

	expect(!(phys % KIMG_PAGE_SIZE) && len == KIMG_PAGE_SIZE && phys < pages->ram_size,
	       "pages are in memory");
	expect(memcmp(buf, zero, len), "pages of zeros are left out");
	if (pages->nr < MAX_PAGES)
		pages->phys[pages->nr++] = phys;
	return pages->nr == MAX_PAGES ? -ENOSPC : 0;
}

static bool has_page(const struct pages *pages, uint64_t phys)
{
	unsigned int i;

	for (i = 0; i < pages->nr; i++)
		if (pages->phys[i] == phys / KIMG_PAGE_SIZE * KIMG_PAGE_SIZE)
			return true;
	return false;
}

static void try_trampoline(const struct kimg *img)
{
	uint8_t buf[KIMG_TRAMPOLINE_SIZE];
	struct kimg_err err;
	struct kimg made;

	memset(buf, 0xa5, sizeof(buf));
	if (kimg_make_trampoline(img, buf, &err))
		return;
	expect(!kimg_open_any(&made, copy_of(buf, sizeof(buf)), sizeof(buf), &err) &&
	       made.nr_segments == 1 && made.pvh_entry == made.entry, "a trampoline is an image");
	kimg_free(&made);
}

/* Numbers of any size in three bytes. */
static uint64_t take_number(struct input *in)
{
	uint64_t val = take(in, 2);

	return val << take(in, 1) % 64;
}

static void try_memory(struct input *in)
{
	const struct {
		Elf64_Nhdr head;
		char name[4];
		uint64_t entry;
	} note = { { 4, 8, 18 }, "Xen", 0x1000000 };
	enum { NOTE = 0x300, FILE_SIZE = 0x2000, MAX_SEGMENTS = 8 };
	unsigned int flags = (unsigned int)take(in, 1), i;
	struct pages pages = { .ram_size = take_number(in) };
	uint8_t *file = malloc(FILE_SIZE);
	struct kimg_err err;
	struct kimg img;
	Elf64_Ehdr *eh = (Elf64_Ehdr *)file;
	Elf64_Phdr *ph = (Elf64_Phdr *)(file + sizeof(*eh));

	if (!file)
		abort();
	memset(file, flags & 1 ? 0x5a : 0, FILE_SIZE);
	memcpy(file + NOTE, &note, sizeof(note));
	*eh = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_entry = 0x1000000, .e_phoff = sizeof(*eh), .e_ehsize = sizeof(*eh),
		.e_phentsize = sizeof(*ph), .e_phnum = 1,
	};
	ph[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = NOTE, .p_filesz = sizeof(note),
			      .p_memsz = sizeof(note), .p_align = 4 };
	for (i = 0; in->size && i < MAX_SEGMENTS; i++)
		ph[eh->e_phnum++] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_offset = take(in, 2) % (FILE_SIZE + 0x10),
			.p_filesz = take(in, 2) % (FILE_SIZE + 0x10), .p_memsz = take_number(in),
			.p_paddr = take_number(in), .p_vaddr = take_number(in), .p_align = 0x1000,
		};
	memset(&err, 0, sizeof(err));
	if (kimg_open_any(&img, file, FILE_SIZE, &err)) {
		expect(*err.text && !strchr(err.text, '\n'), "one line of reason");
		kimg_free(&img);
		return;
	}
	if (!kimg_make_ram(&img, pages.ram_size, write_page, &pages, &err)) {
		for (i = 0; i < img.nr_segments; i++) {
			const struct kimg_segment *seg = &img.segments[i];

			expect(seg->paddr + seg->memsz <= pages.ram_size, "the kernel fits");
			if (seg->filesz && img.data[seg->offset])
				expect(has_page(&pages, seg->paddr), "the first byte is there");
			if (seg->filesz && img.data[seg->offset + seg->filesz - 1])
				expect(has_page(&pages, seg->paddr + seg->filesz - 1),
				       "the last byte is there");
		}
	}
	try_trampoline(&img);
	json_object_put(report_layout(&img));
	json_object_put(report_kernel(&img));
	kimg_free(&img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct input *in) = {
		try_undo, try_profile, try_verify, try_memory,
	};
	struct input in = { data, size };

	if (!stock.bytes)
		make_images();
	if (!size)
		return 0;
	targets[take(&in, 1) % (sizeof(targets) / sizeof(targets[0]))](&in);
	return 0;
}
