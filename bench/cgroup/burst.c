// SPDX-License-Identifier: GPL-2.0-only
/*
 * A burst: nr_threads threads share nr sandboxes and do the same steps on them,
 * released together at the start of each phase.  The wall time of a phase runs
 * from the first operation of any thread to the end of the last one, so it
 * contains the time in which threads wait for each other, and nothing else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cgbench.h"

#define STACK_BYTES		(64 * 1024)

struct worker {
	pthread_t thread;
	struct crew *crew;
	int first;
	int last;
	uint64_t start_ns;
	uint64_t end_ns;
};

struct crew {
	struct burst *burst;
	const struct phase *phases;
	int nr_phases;
	pthread_barrier_t start;
	pthread_barrier_t end;
	atomic_int nr_errors;
	atomic_int first_error;
};

static int chain_run(const struct burst *burst, const struct phase *phase, int idx)
{
	struct sandbox *sandbox = &burst->sandboxes[idx];
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(phase->chain) && phase->chain[i]; i++) {
		ret = phase->chain[i](burst->parent, sandbox, idx);
		if (ret)
			return ret;
	}
	return 0;
}

static void worker_phase(struct worker *worker, const struct phase *phase)
{
	struct crew *crew = worker->crew;
	struct burst *burst = crew->burst;
	uint64_t before;
	uint64_t after;
	int idx;
	int ret;

	worker->start_ns = now_ns();
	for (idx = worker->first; idx < worker->last; idx++) {
		before = now_ns();
		ret = chain_run(burst, phase, idx);
		after = now_ns();
		burst->ns[idx] = after - before;
		if (ret) {
			int none = 0;

			atomic_fetch_add(&crew->nr_errors, 1);
			atomic_compare_exchange_strong(&crew->first_error, &none, ret);
		}
	}
	worker->end_ns = now_ns();
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct crew *crew = worker->crew;
	int i;

	for (i = 0; i < crew->nr_phases; i++) {
		pthread_barrier_wait(&crew->start);
		worker_phase(worker, &crew->phases[i]);
		pthread_barrier_wait(&crew->end);
	}
	return NULL;
}

static void crew_hire(struct crew *crew, struct worker *workers, int nr)
{
	pthread_attr_t attr;
	int ret;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (i = 0; i < nr; i++) {
		workers[i].crew = crew;
		workers[i].first = (long)crew->burst->nr * i / nr;
		workers[i].last = (long)crew->burst->nr * (i + 1) / nr;
		ret = pthread_create(&workers[i].thread, &attr, worker_main, &workers[i]);
		if (ret)
			fail("thread %d of %d: %s", i, nr, strerror(ret));
	}
	pthread_attr_destroy(&attr);
}

static uint64_t wall_of(const struct worker *workers, int nr)
{
	uint64_t start = UINT64_MAX;
	uint64_t end = 0;
	int i;

	for (i = 0; i < nr; i++) {
		if (workers[i].start_ns < start)
			start = workers[i].start_ns;
		if (workers[i].end_ns > end)
			end = workers[i].end_ns;
	}
	return end - start;
}

void burst_run(struct burst *burst, const struct phase *phases, int nr_phases,
	       phase_done_fn done, void *arg)
{
	struct crew crew = { .burst = burst, .phases = phases, .nr_phases = nr_phases };
	struct worker *workers;
	int i;

	workers = calloc(burst->nr_threads, sizeof(*workers));
	if (!workers)
		fail("no memory for %d threads", burst->nr_threads);
	pthread_barrier_init(&crew.start, NULL, burst->nr_threads + 1);
	pthread_barrier_init(&crew.end, NULL, burst->nr_threads + 1);
	crew_hire(&crew, workers, burst->nr_threads);
	for (i = 0; i < nr_phases; i++) {
		atomic_store(&crew.nr_errors, 0);
		atomic_store(&crew.first_error, 0);
		pthread_barrier_wait(&crew.start);
		pthread_barrier_wait(&crew.end);
		burst->wall_ns = wall_of(workers, burst->nr_threads);
		burst->nr_errors = atomic_load(&crew.nr_errors);
		burst->first_error = atomic_load(&crew.first_error);
		done(burst, &phases[i], arg);
	}
	for (i = 0; i < burst->nr_threads; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&crew.end);
	pthread_barrier_destroy(&crew.start);
	free(workers);
}
