/*
 * Sends a plan's messages and receives their events: as fast as a window allows, or at a fixed rate.
 *
 * The window bounds the messages in flight, because pub/sub has no flow control.  The end of a message that
 * causes no event cannot be observed: the window assumes that it is as fast as the rest.
 *
 * At a fixed rate a message's latency counts from the instant at which it was due, however late it was
 * sent. Otherwise a stall would delay the sending of just those messages that would have shown it:
 * "coordinated omission" (Gil Tene, How NOT to Measure Latency).
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_SENDER_H
#define ALLOCD_ENTRYPOINTS_BENCH_SENDER_H

#include "entrypoints/bench_workload/verifier.h"

enum bench_end {
	BENCH_DONE,        /* every expected event arrived */
	BENCH_STALLED,     /* no event arrived for too long */
	BENCH_LOST,        /* the connection to Redis: see bench_sender_trouble() */
	BENCH_INTERRUPTED, /* by a signal */
};

struct bench_sender;

/* The arguments must outlive the sender.  `run`: see bench_messages.h. */
struct bench_sender *bench_sender_new(const struct invocation *invocation,
				      const struct bench_options *options, const char *run,
				      struct bench_verifier *verifier);

/* Accepts NULL in *sender and nulls it. */
void bench_sender_free(struct bench_sender **sender);

/* Waits until Redis is connected. */
enum bench_end bench_sender_connect(struct bench_sender *sender);

/*
 * Sends the messages below number `end`, and waits for all their events.  Messages after the stock are sent
 * at the rate of the options, if there is one.  `title` names the progress bar on a terminal.
 */
enum bench_end bench_sender_send(struct bench_sender *sender, uint32_t end, const char *title);

/* Receives events for `ms` milliseconds. */
enum bench_end bench_sender_wait(struct bench_sender *sender, int ms);

const char *bench_sender_trouble(const struct bench_sender *sender);

/* From now on SIGINT and SIGTERM interrupt a run; the same signal again ends the program at once. */
void bench_catch_signals(void);
bool bench_was_interrupted(void);

#endif
