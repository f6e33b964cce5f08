/*
 * Sends a plan's messages and hears what they cause: as fast as a window lets, or at a fixed rate.
 *
 * The window bounds what is on its way, for pub/sub has no flow control of its own.  Messages that cause no
 * event cannot be seen to be done: they are taken to be as fast as the others.
 *
 * At a fixed rate a message's latency counts from the instant at which it was due, however late it left.
 * Otherwise a stall would delay the sending of just those messages that would have shown it: "coordinated
 * omission" (Gil Tene, How NOT to Measure Latency).
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_SENDER_H
#define ALLOCD_ENTRYPOINTS_BENCH_SENDER_H

#include "entrypoints/bench/verifier.h"

enum bench_end {
	BENCH_DONE,        /* every event was heard that must be */
	BENCH_STALLED,     /* nothing was heard for too long */
	BENCH_LOST,        /* Redis: see bench_load_trouble() */
	BENCH_INTERRUPTED, /* by a signal */
};

struct bench_load;

/* Everything given outlives it.  `run`: see bench_messages.h. */
struct bench_load *bench_load_new(const struct invocation *invocation, const struct bench_wanted *wanted,
				  const char *run, struct bench_tally *tally);

/* Accepts NULL in *load and nulls it. */
void bench_load_free(struct bench_load **load);

/* Waits for Redis. */
enum bench_end bench_load_connect(struct bench_load *load);

/*
 * Sends the messages up to number `end`, and waits for all events of all that was sent.  What makes no stock
 * is sent at the rate that is wanted, if one is.  `title`: of the bar that shows, on a terminal, how far it
 * is.
 */
enum bench_end bench_load_send(struct bench_load *load, uint32_t end, const char *title);

/* Goes on hearing for a moment. */
enum bench_end bench_load_linger(struct bench_load *load, int ms);

const char *bench_load_trouble(const struct bench_load *load);

/* The clock that it uses. */
int64_t bench_now_us(void);

/* From now on SIGINT and SIGTERM end a run in order; a second one ends the program at once. */
void bench_catch_signals(void);
bool bench_was_interrupted(void);

#endif
