// SPDX-License-Identifier: GPL-2.0-only
/* What is known about an image, as JSON and as text. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

void report_hex(char *text, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * len] = '\0';
}

const char *report_status_name(uint32_t status)
{
	static const char *const names[] = {
		[X86_PREPATCH_PENDING] = "pending",
		[X86_PREPATCH_STOCK] = "stock",
		[X86_PREPATCH_MATCH] = "match",
		[X86_PREPATCH_MISMATCH] = "mismatch",
		[X86_PREPATCH_OFF] = "off",
		[X86_PREPATCH_VERIFIED] = "verified",
		[X86_PREPATCH_DIFFERENT] = "different",
		[X86_PREPATCH_FAILED] = "failed",
	};

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}

int report_feature(char *text, size_t size, unsigned int feature)
{
	const char *name = kimg_feature_name(feature);

	return name ? snprintf(text, size, "%s", name) :
		      snprintf(text, size, "%u*32+%u", feature / 32, feature % 32);
}

static void add(struct json_object *obj, const char *key, struct json_object *val)
{
	json_object_object_add(obj, key, val);
}

static struct json_object *num(uint64_t v)
{
	return json_object_new_uint64(v);
}

static struct json_object *hex(uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%#" PRIx64, v);
	return json_object_new_string(text);
}

static struct json_object *hex_bytes(const uint8_t *bytes, size_t len)
{
	char text[2 * 64 + 1];

	report_hex(text, bytes, len);
	return json_object_new_string(text);
}

/*
 * Not everything in a file is text that JSON can hold. Linux version 6.12.117 (who@where) (which
 * compiler, which linker) #1 ...: the toolchain is the second pair of parentheses.
 */
static struct json_object *banner_part(const char *text, size_t len)
{
	char buf[1024];
	size_t i;

	len = len < sizeof(buf) ? len : sizeof(buf);
	for (i = 0; i < len; i++)
		buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	return json_object_new_string_len(buf, (int)len);
}

static const char *find_toolchain(const char *banner, size_t len, size_t *part_len)
{
	const char *p = memmem(banner, len, ") (", 3);
	size_t i, depth = 1;

	if (!p)
		return NULL;
	p += 3;
	len -= (size_t)(p - banner);
	for (i = 0; i < len; i++) {
		depth += p[i] == '(';
		depth -= p[i] == ')';
		if (!depth) {
			*part_len = i;
			return p;
		}
	}
	return NULL;
}

struct json_object *report_kernel(const struct kimg *img)
{
	struct json_object *obj = json_object_new_object();
	const char *banner, *part;
	size_t len = 0, part_len = 0;

	banner = kimg_banner(img, &len);
	part = banner ? find_toolchain(banner, len, &part_len) : NULL;
	add(obj, "build_id",
	    img->has_build_id ? hex_bytes(img->build_id, sizeof(img->build_id)) : NULL);
	add(obj, "banner", banner ? banner_part(banner, len) : NULL);
	add(obj, "toolchain", part ? banner_part(part, part_len) : NULL);
	return obj;
}

struct json_object *report_profile(const struct kimg *img,
				   const struct x86_prepatch_profile *p)
{
	struct json_object *obj = json_object_new_object(), *list, *item;
	unsigned int i;

	(void)img;
	add(obj, "build_id", hex_bytes(p->build_id, sizeof(p->build_id)));
	add(obj, "crc", hex(p->crc));
	add(obj, "la57", json_object_new_boolean(p->flags & X86_PREPATCH_LA57));
	add(obj, "cfi_mode", num(p->cfi_mode));
	add(obj, "return_thunk", hex(p->return_thunk));
	add(obj, "user_ptr_max", hex(p->user_ptr_max));
	list = json_object_new_array();
	for (i = 0; i < p->nr_words; i++)
		json_object_array_add(list, hex(p->words[i]));
	add(obj, "words", list);
	list = json_object_new_array();
	for (i = 0; i < p->nr_pv_ops; i++)
		json_object_array_add(list, hex(p->pv_ops[i]));
	add(obj, "pv_ops", list);
	list = json_object_new_array();
	for (i = 0; i < p->nr_cpuid; i++) {
		item = json_object_new_object();
		add(item, "leaf", hex(p->cpuid[i].leaf));
		add(item, "subleaf", hex(p->cpuid[i].subleaf));
		add(item, "eax", hex(p->cpuid[i].eax));
		add(item, "ebx", hex(p->cpuid[i].ebx));
		add(item, "ecx", hex(p->cpuid[i].ecx));
		add(item, "edx", hex(p->cpuid[i].edx));
		json_object_array_add(list, item);
	}
	add(obj, "cpuid", list);
	return obj;
}

static const char *group_name(enum kimg_class class)
{
	if (KIMG_CLASS_BIT(class) & KIMG_CLASSES_CPU)
		return "cpu";
	return class < KIMG_JUMP_LABEL ? "const" : "kernel";
}

struct json_object *report_stats(const struct kimg *img, const struct kimg_stats *stats)
{
	struct json_object *obj = json_object_new_object(), *list, *item;
	unsigned int i;

	(void)img;
	list = json_object_new_array();
	for (i = 0; i < KIMG_RO_AFTER_INIT; i++) {
		const struct kimg_class_stats *c = &stats->classes[i];

		item = json_object_new_object();
		add(item, "class", json_object_new_string(kimg_class_name(i)));
		add(item, "patched_by", json_object_new_string(group_name(i)));
		add(item, "sites", num(c->sites));
		add(item, "sites_changed", num(c->sites_changed));
		add(item, "bytes", num(c->bytes));
		add(item, "pages", num(c->pages));
		json_object_array_add(list, item);
	}
	add(obj, "classes", list);
	add(obj, "bytes", num(stats->bytes));
	add(obj, "pages", num(stats->pages));
	add(obj, "text_pages", num(stats->text_pages));
	add(obj, "undo_bytes", num(stats->undo_bytes));
	add(obj, "undo_room", num(stats->undo_room));
	add(obj, "undo_runs", num(stats->undo_runs));
	return obj;
}

static void add_range(struct json_object *obj, const char *key, const struct kimg *img,
		      enum x86_prepatch_ranges nr)
{
	const struct x86_prepatch_range *range = &img->desc.ranges[nr];
	struct json_object *item = json_object_new_object();
	uint64_t phys = 0;

	if (kimg_phys(img, range->start, range->end - range->start, &phys))
		add(item, "paddr", NULL);
	else
		add(item, "paddr", num(phys));
	add(item, "vaddr", hex(range->start));
	add(item, "size", num(range->end - range->start));
	add(obj, key, item);
}

struct json_object *report_layout(const struct kimg *img)
{
	struct json_object *obj = json_object_new_object(), *list, *item;
	uint64_t phys = 0;
	unsigned int i;

	add(obj, "pvh_entry", img->pvh_entry ? num(img->pvh_entry) : NULL);
	add(obj, "elf_entry", num(img->entry));
	list = json_object_new_array();
	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];
		char flags[4] = "---";

		if (seg->flags & 4)
			flags[0] = 'r';
		if (seg->flags & 2)
			flags[1] = 'w';
		if (seg->flags & 1)
			flags[2] = 'x';
		item = json_object_new_object();
		add(item, "paddr", num(seg->paddr));
		add(item, "vaddr", hex(seg->vaddr));
		add(item, "offset", num(seg->offset));
		add(item, "filesz", num(seg->filesz));
		add(item, "memsz", num(seg->memsz));
		add(item, "flags", json_object_new_string(flags));
		json_object_array_add(list, item);
	}
	add(obj, "segments", list);
	if (!img->has_desc)
		return obj;
	add_range(obj, "text", img, X86_PREPATCH_TEXT);
	add_range(obj, "rodata", img, X86_PREPATCH_RODATA);
	add_range(obj, "ro_after_init", img, X86_PREPATCH_RO_AFTER_INIT);
	add_range(obj, "undo", img, X86_PREPATCH_UNDO);
	item = json_object_new_object();
	kimg_phys(img, img->desc_addr, sizeof(img->desc), &phys);
	add(item, "paddr", num(phys));
	add(item, "size", num(sizeof(img->desc)));
	add(item, "status", num(phys + offsetof(struct x86_prepatch_desc, status)));
	add(item, "actual", num(phys + offsetof(struct x86_prepatch_desc, actual)));
	add(item, "expected", num(phys + offsetof(struct x86_prepatch_desc, expected)));
	add(obj, "descriptor", item);
	return obj;
}

struct json_object *report_features(const struct kimg *img)
{
	struct json_object *list = json_object_new_array(), *item;
	uint32_t words[X86_PREPATCH_MAX_WORDS];
	struct kimg_err err;
	unsigned int i;

	if (kimg_required_features(img, words, &err))
		return list;
	for (i = 0; i < X86_PREPATCH_MAX_WORDS * 32; i++) {
		const char *name = kimg_feature_name(i);

		if (!(words[i / 32] >> i % 32 & 1))
			continue;
		item = json_object_new_object();
		add(item, "word", num(i / 32));
		add(item, "bit", num(i % 32));
		add(item, "name", name ? json_object_new_string(name) : NULL);
		json_object_array_add(list, item);
	}
	return list;
}

struct json_object *report_verify(const struct kimg_verify *v)
{
	struct json_object *obj = json_object_new_object(), *list, *item;
	unsigned int i;

	list = json_object_new_array();
	for (i = 0; i < KIMG_NR_CLASSES; i++) {
		item = json_object_new_object();
		add(item, "class", json_object_new_string(kimg_class_name(i)));
		add(item, "bytes", num(v->classes[i].bytes));
		add(item, "pages", num(v->classes[i].pages));
		json_object_array_add(list, item);
	}
	add(obj, "classes", list);
	add(obj, "unknown_bytes", num(v->unknown_bytes));
	add(obj, "unknown_first", v->unknown_bytes ? hex(v->unknown_first) : NULL);
	add(obj, "text_pages", num(v->text_pages));
	add(obj, "text_pages_changed", num(v->text_pages_changed));
	add(obj, "rodata_pages", num(v->rodata_pages));
	add(obj, "rodata_pages_changed", num(v->rodata_pages_changed));
	add(obj, "ro_after_init_pages", num(v->ro_after_init_pages));
	add(obj, "ro_after_init_pages_changed", num(v->ro_after_init_pages_changed));
	return obj;
}

int report_print_json(struct json_object *doc)
{
	const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE);
	int ret = CLI_OK;

	if (!text || puts(text) < 0) {
		cli_error("stdout: %s", strerror(errno));
		ret = CLI_FAILED;
	}
	json_object_put(doc);
	return ret;
}

void report_print_stats(const struct kimg_stats *stats)
{
	unsigned int i;

	printf("%-22s %-10s %8s %8s %8s %6s\n", "CLASS", "PATCHED-BY", "SITES", "CHANGED", "BYTES",
	       "PAGES");
	for (i = 0; i < KIMG_RO_AFTER_INIT; i++) {
		const struct kimg_class_stats *c = &stats->classes[i];

		printf("%-22s %-10s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %6" PRIu64 "\n",
		       kimg_class_name(i), group_name(i), c->sites, c->sites_changed, c->bytes,
		       c->pages);
	}
	printf("%-22s %-10s %8s %8s %8" PRIu64 " %6" PRIu64 "\n", "all", "", "", "", stats->bytes,
	       stats->pages);
}

void report_print_verify(const struct kimg_verify *v)
{
	unsigned int i;

	printf("%-22s %8s %6s\n", "CLASS", "BYTES", "PAGES");
	for (i = 0; i < KIMG_NR_CLASSES; i++)
		if (v->classes[i].bytes)
			printf("%-22s %8" PRIu64 " %6" PRIu64 "\n", kimg_class_name(i),
			       v->classes[i].bytes, v->classes[i].pages);
	printf("%-22s %8" PRIu64 "\n", "unknown", v->unknown_bytes);
	printf("\npages changed: text %" PRIu64 " of %" PRIu64 ", rodata %" PRIu64 " of %" PRIu64
	       ", ro_after_init %" PRIu64 " of %" PRIu64 "\n",
	       v->text_pages_changed, v->text_pages, v->rodata_pages_changed, v->rodata_pages,
	       v->ro_after_init_pages_changed, v->ro_after_init_pages);
}
