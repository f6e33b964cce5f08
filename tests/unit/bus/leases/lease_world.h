/* Workers that share leases on one database in memory, each with work that a test watches. */
#ifndef ALLOCD_TESTS_LEASE_WORLD_H
#define ALLOCD_TESTS_LEASE_WORLD_H

#include "adapters/memory/ports/leases.h"
#include "adapters/memory/ports/logger.h"
#include "adapters/memory/simulation/clock.h"
#include "adapters/memory/simulation/random.h"
#include "bus/leases/lease_keeper.h"

#include <check.h>

#define WORKERS_MAX 8
#define WORKS_MAX   8

/* The work under one lease, of one worker. */
struct work {
	const char *note; /* NULL: it cannot be done now */
	struct lease *lease;
	const char *last_note;  /* whose work was ended last */
	struct failure failure; /* of ending it; no text: it succeeds */
	bool is_ending_held;    /* it is not answered */
	store_done *ended;
	void *ended_context;
	bool is_working, is_busy;
	bool is_calling; /* it may still do something after its end, unless that is ended */
	int begun, stopped, lost;
};

struct lease_worker {
	struct memory_leases *leases;
	struct memory_random random;
	struct memory_clock clock;
	struct lease_keeper *keeper; /* NULL: it is dead */
	struct work works[WORKS_MAX];
};

extern struct simulation *simulation;
extern struct database *database;
extern struct memory_logger lease_log;
extern struct lease_worker lease_workers[WORKERS_MAX];

void set_up_leases(void);
void tear_down_leases(void);

/* Makes the worker, or starts it again, as a candidate for the first `count` leases; it beats once. */
void start_worker(int worker, const char *name, int count);

/* The same without its first beat. */
void make_worker(int worker, const char *name, int count);

/* As by kill -9. */
void kill_worker(int worker);

/* Like SIGSTOP and SIGCONT: what the database has answered meanwhile arrives afterwards. */
void freeze_worker(int worker);
void thaw_worker(int worker);

void pass_ms(int64_t ms);

/* Passes time until the worker does that work; returns how long it took. */
int64_t ms_until_working(int worker, int work);

/* How many works the worker does. */
int works_of(int worker);

/* The worker that the database says has the lease: 0 and up, or -1. */
int holder_of(int work);

#endif
