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

#include "entrypoints/bench_workload/verifier.h"

enum bench_end {
	BENCH_DONE,        /* every event was heard that must be */
	BENCH_STALLED,     /* nothing was heard for too long */
	BENCH_LOST,        /* Redis: see bench_sender_trouble() */
	BENCH_INTERRUPTED, /* by a signal */
};

struct bench_sender;

/* Everything given outlives it.  `run`: see bench_messages.h. */
struct bench_sender *bench_sender_new(const struct invocation *invocation,
				      const struct bench_options *options, const char *run,
				      struct bench_verifier *verifier);

/* Accepts NULL in *load and nulls it. */
void bench_sender_free(struct bench_sender **load);

/* Waits for Redis. */
enum bench_end bench_sender_connect(struct bench_sender *load);

/*
 * Sends the messages up to number `end`, and waits for all events of all that was sent.  What makes no stock
 * is sent at the rate that is wanted, if one is.  `title`: of the bar that shows, on a terminal, how far it
 * is.
 */
enum bench_end bench_sender_send(struct bench_sender *load, uint32_t end, const char *title);

/* Goes on hearing for a moment. */
enum bench_end bench_sender_linger(struct bench_sender *load, int ms);

const char *bench_sender_trouble(const struct bench_sender *load);

/* The clock that it uses. */
int64_t bench_now_us(void);

/* From now on SIGINT and SIGTERM end a run in order; a second one ends the program at once. */
void bench_catch_signals(void);
bool bench_was_interrupted(void);

#endif
