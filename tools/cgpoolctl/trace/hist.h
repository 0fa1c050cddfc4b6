/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic on latency histograms with logarithmic slots. Pure functions: no
 * I/O, no allocation, no errors.
 */
#ifndef HIST_H
#define HIST_H

#include <stdint.h>

#include <linux/types.h>

#include "cgtrace.h"

#define HIST_NSEC_PER_USEC	UINT64_C(1000)

/* A histogram as read from the kernel, with its largest value where known. */
struct hist {
	struct cgtrace_hist data;
	uint64_t max_ns;
};

unsigned int hist_slot(uint64_t nsec);
uint64_t hist_slot_from_us(unsigned int slot);
uint64_t hist_slot_to_us(unsigned int slot);
void hist_add(struct hist *hist, uint64_t nsec);
void hist_merge(struct hist *into, const struct hist *from);
void hist_subtract(struct hist *from, const struct hist *earlier);
unsigned int hist_used_slots(const struct hist *hist, unsigned int *first);
uint64_t hist_timed(const struct hist *hist);
uint64_t hist_mean_ns(const struct hist *hist);
uint64_t hist_percentile_ns(const struct hist *hist, unsigned int permille);

#endif /* HIST_H */
