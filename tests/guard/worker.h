/*
 * A worker whose clock stands still: its work depends only on what it is sent.  Work that a clock would start
 * (reading cursors, housekeeping, saving cursors) does not happen.
 *
 * All messages that are sent before the loop runs become one unit of work.  Any failure ends the program.
 */
#ifndef ALLOCD_TESTS_GUARD_WORKER_H
#define ALLOCD_TESTS_GUARD_WORKER_H

#include "adapters/memory/ports/logger.h"
#include "adapters/memory/ports/notifier.h"
#include "adapters/memory/simulation/clock.h"
#include "adapters/memory/simulation/random.h"
#include "bus/engine/engine.h"
#include "commands.h"

struct worker {
	struct arena *arena;
	struct simulation *simulation;
	struct memory_clock clock;
	struct memory_random random;
	struct memory_logger logger;
	struct memory_notifier *notifier;
	struct engine_ports ports; /* the caller sets stores and broker before the start */
	struct engine *engine;
	void (*submit)(struct engine *engine, const struct arrival *arrival); /* engine_submit() */
	struct engine_stats before;                                           /* the last unit */
	struct lease *lease; /* under which they are sent, or NULL */
	int entries;
	int rounds[KINDS_OF_WORK]; /* of each kind */
};

void worker_init(struct worker *worker, struct codec *codec);
void worker_start(struct worker *worker);

/* The caller frees stores and broker first. */
void worker_release(struct worker *worker);

/* Sends the next round of that kind of work as stream entries. */
void worker_send(struct worker *worker, enum work work, enum dress dress, int count);

/* Waits until every message is answered, and its events are published. */
bool worker_is_done(const struct worker *worker);

/* Asserts that since the last call `count` messages had that outcome, in one unit of work. */
void worker_expect_unit(struct worker *worker, enum outcome outcome, int count);

/* Ends the program. */
__attribute__((format(printf, 1, 2), noreturn)) void give_up(const char *format, ...);

#endif
