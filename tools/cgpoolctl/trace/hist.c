// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic on latency histograms with logarithmic slots.
 *
 * A percentile is an estimate: it is interpolated inside its slot, so it is at
 * most a factor of two off, and never above the largest value seen. In the first
 * slot, below 1 us, nothing is interpolated: most waits for a lock are exactly 0.
 * Counts, mean and maximum are exact.
 */
#include <string.h>

#include "hist.h"

#define PERMILLE	UINT64_C(1000)

/**
 * hist_slot() - slot of a latency, by the same rule as the BPF programs
 * @nsec: the latency
 *
 * Return: the slot's index.
 */
unsigned int hist_slot(uint64_t nsec)
{
	uint64_t usec = nsec / HIST_NSEC_PER_USEC;
	unsigned int slot = 0;

	while (usec && slot < CGTRACE_NR_SLOTS - 1) {
		usec >>= 1;
		slot++;
	}
	return slot;
}

/**
 * hist_slot_from_us() - smallest latency that a slot counts
 * @slot: the slot's index
 *
 * Return: microseconds.
 */
uint64_t hist_slot_from_us(unsigned int slot)
{
	return slot ? UINT64_C(1) << (slot - 1) : 0;
}

/**
 * hist_slot_to_us() - latency that is just too long for a slot
 * @slot: the slot's index
 *
 * The last slot has no such bound; what is returned for it is where the next
 * slot would begin.
 *
 * Return: microseconds.
 */
uint64_t hist_slot_to_us(unsigned int slot)
{
	return UINT64_C(1) << slot;
}

/**
 * hist_add() - count one latency
 * @hist: histogram to count it in
 * @nsec: the latency
 */
void hist_add(struct hist *hist, uint64_t nsec)
{
	hist->data.count++;
	hist->data.sum_ns += nsec;
	hist->data.slots[hist_slot(nsec)]++;
	if (nsec > hist->max_ns)
		hist->max_ns = nsec;
}

/**
 * hist_merge() - add all of one histogram to another
 * @into: the sum
 * @from: what is added, for instance the part of one CPU
 */
void hist_merge(struct hist *into, const struct hist *from)
{
	unsigned int slot;

	into->data.count += from->data.count;
	into->data.errors += from->data.errors;
	into->data.sum_ns += from->data.sum_ns;
	for (slot = 0; slot < CGTRACE_NR_SLOTS; slot++)
		into->data.slots[slot] += from->data.slots[slot];
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
}

static uint64_t subtract(uint64_t from, uint64_t earlier)
{
	return from > earlier ? from - earlier : 0;
}

/**
 * hist_subtract() - leave what was counted since an earlier reading
 * @from: the later reading; its maximum is kept, as maxima have no difference
 * @earlier: the earlier reading
 */
void hist_subtract(struct hist *from, const struct hist *earlier)
{
	unsigned int slot;

	from->data.count = subtract(from->data.count, earlier->data.count);
	from->data.errors = subtract(from->data.errors, earlier->data.errors);
	from->data.sum_ns = subtract(from->data.sum_ns, earlier->data.sum_ns);
	for (slot = 0; slot < CGTRACE_NR_SLOTS; slot++)
		from->data.slots[slot] = subtract(from->data.slots[slot],
						  earlier->data.slots[slot]);
}

/**
 * hist_used_slots() - range of slots that counted something
 * @hist: the histogram
 * @first: the first such slot, 0 if there is none
 *
 * Return: number of slots from the first to the last used one, 0 if none is.
 */
unsigned int hist_used_slots(const struct hist *hist, unsigned int *first)
{
	unsigned int slot, last = 0, nr = 0;

	*first = 0;
	for (slot = 0; slot < CGTRACE_NR_SLOTS; slot++) {
		if (!hist->data.slots[slot])
			continue;
		if (!nr)
			*first = slot;
		last = slot;
		nr = last - *first + 1;
	}
	return nr;
}

/**
 * hist_timed() - number of events that have a latency
 * @hist: the histogram
 *
 * Where kprobes are missing, events are counted without being timed.
 *
 * Return: the sum of all slots.
 */
uint64_t hist_timed(const struct hist *hist)
{
	uint64_t sum = 0;
	unsigned int slot;

	for (slot = 0; slot < CGTRACE_NR_SLOTS; slot++)
		sum += hist->data.slots[slot];
	return sum;
}

/**
 * hist_mean_ns() - mean latency
 * @hist: the histogram
 *
 * Return: nanoseconds, 0 if nothing was timed.
 */
uint64_t hist_mean_ns(const struct hist *hist)
{
	uint64_t timed = hist_timed(hist);

	return timed ? hist->data.sum_ns / timed : 0;
}

/**
 * hist_percentile_ns() - estimate a percentile
 * @hist: the histogram
 * @permille: 500 for the median, 990 for p99; above 1000 counts as 1000
 *
 * Return: nanoseconds, 0 if nothing was timed.
 */
uint64_t hist_percentile_ns(const struct hist *hist, unsigned int permille)
{
	uint64_t timed = hist_timed(hist), below = 0, rank, from, to, in_slot;
	unsigned int slot;

	if (!timed)
		return 0;
	if (permille > PERMILLE)
		permille = PERMILLE;
	/* Rank 1 is the smallest value, rank timed the largest. Split to not overflow. */
	rank = timed / PERMILLE * permille +
	       (timed % PERMILLE * permille + PERMILLE - 1) / PERMILLE;
	if (!rank)
		rank = 1;

	for (slot = 0; slot < CGTRACE_NR_SLOTS - 1; slot++) {
		if (below + hist->data.slots[slot] >= rank)
			break;
		below += hist->data.slots[slot];
	}
	if (!slot)
		return 0;
	in_slot = hist->data.slots[slot];
	from = hist_slot_from_us(slot) * HIST_NSEC_PER_USEC;
	to = hist_slot_to_us(slot) * HIST_NSEC_PER_USEC;
	/* A maximum below the slot is one of another interval. */
	if (hist->max_ns >= from && (hist->max_ns < to || slot == CGTRACE_NR_SLOTS - 1))
		to = hist->max_ns;
	if (!in_slot)
		return to;
	return from + (uint64_t)((double)(to - from) * (double)(rank - below) / (double)in_slot);
}
