// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes the place of libFuzzer where there is no clang: input is made at random.
 *
 *	fuzz-...-standalone SECONDS [SEED]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_LEN		96

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	unsigned int seed;
	struct timespec start, now;
	unsigned long runs = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	seed = argc > 2 ? (unsigned int)atol(argv[2]) : (unsigned int)(start.tv_nsec ^ getpid());
	/* First, so that it is known whatever comes. */
	printf("seed %u\n", seed);
	fflush(stdout);
	srandom(seed);
	do {
		uint8_t buf[MAX_LEN];
		size_t i, len = 1 + (size_t)random() % MAX_LEN;

		for (i = 0; i < len; i++)
			buf[i] = (uint8_t)random();
		LLVMFuzzerTestOneInput(buf, len);
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) +
		 (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	printf("%lu runs, seed %u\n", runs, seed);
	return 0;
}
