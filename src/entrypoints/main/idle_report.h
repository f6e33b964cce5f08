/*
 * Answers who asks to be told when nothing is queued, in flight or unpublished any more (`allocd quiesce`).
 *
 * The question comes with a token, on the subscription that brings the commands, so whatever was published
 * before it was taken before it.  The answer is the token.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_IDLE_REPORT_H
#define ALLOCD_ENTRYPOINTS_MAIN_IDLE_REPORT_H

#include "bus/ports/clock.h"
#include "core/base/bytes.h"

#include <stdbool.h>

/* Behind the prefix: the question, and the answer. */
#define QUIESCE_CHANNEL "allocd:quiesce"
#define QUIET_CHANNEL   "allocd:quiet"

/* Of a token; a longer one is nobody's, and not answered. */
#define QUIET_TOKEN_MAX 64

/* How many are answered at a time; of more, the oldest are forgotten. */
#define QUIET_MAX 16

struct idle_report_worker {
	bool (*is_idle)(void *context);
	void (*answer)(void *context, struct bytes token);
	void *context;
};

struct idle_report;

struct idle_report *idle_report_new(struct clock *clock, const struct idle_report_worker *worker);

/* Accepts NULL in *quiet and nulls it. */
void idle_report_free(struct idle_report **quiet);

/* Answers from the event loop, as soon as the worker is idle. */
void idle_report_ask(struct idle_report *quiet, struct bytes token);

#endif
