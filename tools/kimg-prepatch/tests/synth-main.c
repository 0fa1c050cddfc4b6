// SPDX-License-Identifier: GPL-2.0-only
/* For the tests of the command line: writes an image and a profile for it. */
#include <stdio.h>
#include <stdlib.h>

#include "synth.h"

static void put_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(data, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[3] : "plain";
	static struct synth s;
	struct x86_prepatch_profile profile;
	uint8_t *data;
	size_t size;

	if (argc < 3) {
		fprintf(stderr, "Usage: synth IMAGE PROFILE [VARIANT]\n");
		return 2;
	}
	synth_init(&s);
	synth_fill(&s);
	synth_profile(&profile);
	if (!strcmp(what, "no-note"))
		s.has_note = false;
	else if (!strcmp(what, "version"))
		s.note_version++;
	else if (!strcmp(what, "magic"))
		s.desc.magic[0] ^= 1;
	else if (!strcmp(what, "small-undo"))
		s.desc.ranges[X86_PREPATCH_UNDO].end = SYNTH_UNDO + 0x100;
	else if (!strcmp(what, "call-depth"))
		profile.words[0] |= 1U << SYNTH_F_CALL_DEPTH;
	else if (!strcmp(what, "call-thunks"))
		profile.flags |= X86_PREPATCH_CALL_THUNKS;
	else if (!strcmp(what, "cfi-random"))
		profile.flags |= X86_PREPATCH_CFI_RANDOM;
	else if (!strcmp(what, "build-id"))
		profile.build_id[3] ^= 0x10;
	else if (!strcmp(what, "other"))
		profile.words[1] ^= 3;
	else if (strcmp(what, "plain") && strcmp(what, "crc"))
		return 2;
	synth_seal_profile(&profile);
	if (!strcmp(what, "crc"))
		profile.crc ^= 1;
	data = synth_finish(&s, &size);
	put_file(argv[1], data, size);
	put_file(argv[2], &profile, sizeof(profile));
	free(data);
	return 0;
}
