// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

static void u64_takes_one_number_only(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(parse_u64("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(parse_u64("18446744073709551615\n", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(parse_u64("99999999999999999999999", &v), -ERANGE);
	assert_int_equal(parse_u64("", &v), -EINVAL);
	assert_int_equal(parse_u64("\n", &v), -EINVAL);
	assert_int_equal(parse_u64("-1", &v), -EINVAL);
	assert_int_equal(parse_u64("+1", &v), -EINVAL);
	assert_int_equal(parse_u64(" 1", &v), -EINVAL);
	assert_int_equal(parse_u64("1 ", &v), -EINVAL);
	assert_int_equal(parse_u64("1\n\n", &v), -EINVAL);
	assert_int_equal(parse_u64("max", &v), -EINVAL);
}

static int flat(const char *text, const char *key, uint64_t *v)
{
	return parse_flat_key(text, strlen(text), key, v);
}

static void flat_key_matches_whole_keys(void **state)
{
	const char *text = "free 12\nfree_other 7\nmiss_empty 0\n";
	uint64_t v = 99;

	(void)state;
	assert_int_equal(flat(text, "free", &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(flat(text, "free_other", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(flat(text, "miss_empty", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(flat(text, "miss", &v), -ENOENT);
	assert_int_equal(flat(text, "other", &v), -ENOENT);
	assert_int_equal(flat("", "free", &v), -ENOENT);
	assert_int_equal(flat("free", "free", &v), -ENOENT);
	assert_int_equal(flat("free ", "free", &v), -EINVAL);
	assert_int_equal(flat("free x\n", "free", &v), -EINVAL);
	assert_int_equal(flat("free 1 2\n", "free", &v), -EINVAL);
	/* without a newline at the end */
	assert_int_equal(flat("a 1\nfree 3", "free", &v), 0);
	assert_int_equal(v, 3);
	/* the length rules, not a terminator */
	assert_int_equal(parse_flat_key("free 123", 6, "free", &v), 0);
	assert_int_equal(v, 1);
}

static int line(const char *text, struct mount_line *m)
{
	size_t len = strlen(text);

	return parse_mountinfo_line(&text, &len, m);
}

static void mountinfo_reads_all_fields(void **state)
{
	struct mount_line m;

	(void)state;
	assert_int_equal(line("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - "
			      "cgroup2 cgroup2 rw,nsdelegate,favordynmods\n", &m), 1);
	assert_int_equal(m.major, 0);
	assert_int_equal(m.minor, 26);
	assert_string_equal(m.root, "/");
	assert_string_equal(m.mountpoint, "/sys/fs/cgroup");
	assert_string_equal(m.fstype, "cgroup2");
	assert_true(opts_has(m.super_opts, "favordynmods"));
	assert_false(opts_has(m.super_opts, "favor"));
	/* no optional field */
	assert_int_equal(line("30 23 8:1 / /a rw - ext4 /dev/sda1 rw", &m), 1);
	assert_string_equal(m.fstype, "ext4");
}

static void mountinfo_undoes_escapes(void **state)
{
	struct mount_line m;

	(void)state;
	assert_int_equal(line("1 2 0:3 / /a\\040b\\134c\\011 rw - t s o\n", &m), 1);
	assert_string_equal(m.mountpoint, "/a b\\c\t");
	assert_int_equal(line("1 2 0:3 / /a\\04 rw - t s o\n", &m), 1);
	assert_string_equal(m.mountpoint, "/a\\04");
	assert_int_equal(line("1 2 0:3 / /a\\000 rw - t s o\n", &m), -EINVAL);
}

static void mountinfo_refuses_and_goes_on(void **state)
{
	const char *text = "junk\n1 2 3 / / rw - t s o\n1 2 0:99999999999 / / rw - t s o\n"
			   "1 2 0:3 / / rw t s o\n1 2 0:3 / / rw -\n\n1 2 0:4 / /ok rw - t s o\n";
	size_t len = strlen(text);
	struct mount_line m;
	int i;

	(void)state;
	for (i = 0; i < 6; i++)
		assert_int_equal(parse_mountinfo_line(&text, &len, &m), -EINVAL);
	assert_int_equal(parse_mountinfo_line(&text, &len, &m), 1);
	assert_string_equal(m.mountpoint, "/ok");
	assert_int_equal(parse_mountinfo_line(&text, &len, &m), 0);
}

static void mountinfo_refuses_long_fields(void **state)
{
	char text[1024], path[600];
	struct mount_line m;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	snprintf(text, sizeof(text), "1 2 0:3 / /%s rw - t s o", path);
	assert_int_equal(line(text, &m), -ENAMETOOLONG);
}

static void pids_end_at_junk(void **state)
{
	const char *text = "1\n22\n333\n", *bad = "1\nx\n", *big = "4294967296\n";
	long pid;

	(void)state;
	assert_int_equal(parse_next_pid(&text, &pid), 1);
	assert_int_equal(pid, 1);
	assert_int_equal(parse_next_pid(&text, &pid), 1);
	assert_int_equal(parse_next_pid(&text, &pid), 1);
	assert_int_equal(pid, 333);
	assert_int_equal(parse_next_pid(&text, &pid), 0);
	assert_int_equal(parse_next_pid(&bad, &pid), 1);
	assert_int_equal(parse_next_pid(&bad, &pid), -EINVAL);
	assert_int_equal(parse_next_pid(&big, &pid), -EINVAL);
}

static void slot_names_have_five_digits(void **state)
{
	(void)state;
	assert_int_equal(parse_slot_name("cgpool-00000"), 0);
	assert_int_equal(parse_slot_name("cgpool-12345"), 12345);
	assert_int_equal(parse_slot_name("cgpool-1234"), -EINVAL);
	assert_int_equal(parse_slot_name("cgpool-123456"), -EINVAL);
	assert_int_equal(parse_slot_name("cgpool-1234x"), -EINVAL);
	assert_int_equal(parse_slot_name("cgpool-new-1"), -EINVAL);
	assert_int_equal(parse_slot_name("web"), -EINVAL);
}

static void names_cannot_leave_the_pool(void **state)
{
	char name[NAME_MAX + 2];

	(void)state;
	assert_int_equal(check_name("web.1"), 0);
	assert_int_equal(check_name(""), -EINVAL);
	assert_int_equal(check_name("."), -EINVAL);
	assert_int_equal(check_name(".."), -EINVAL);
	assert_int_equal(check_name("a/b"), -EINVAL);
	assert_int_equal(check_name("/a"), -EINVAL);
	assert_int_equal(check_name("a\nb"), -EINVAL);
	assert_int_equal(check_name("a b"), -EINVAL);
	assert_int_equal(check_name("cgpool-00001"), -EINVAL);
	memset(name, 'a', sizeof(name) - 1);
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(check_name(name), -ENAMETOOLONG);
	name[NAME_MAX] = '\0';
	assert_int_equal(check_name(name), 0);
}

static void lists_match_whole_words(void **state)
{
	(void)state;
	assert_true(list_has("nsdelegate\nfavordynmods\npool\n", "pool"));
	assert_false(list_has("nsdelegate\npool_other\n", "pool"));
	assert_false(list_has("", "pool"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64_takes_one_number_only),
		cmocka_unit_test(flat_key_matches_whole_keys),
		cmocka_unit_test(mountinfo_reads_all_fields),
		cmocka_unit_test(mountinfo_undoes_escapes),
		cmocka_unit_test(mountinfo_refuses_and_goes_on),
		cmocka_unit_test(mountinfo_refuses_long_fields),
		cmocka_unit_test(pids_end_at_junk),
		cmocka_unit_test(slot_names_have_five_digits),
		cmocka_unit_test(names_cannot_leave_the_pool),
		cmocka_unit_test(lists_match_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
