/*
 * Answers `allocd quiesce`, which asks when nothing is queued, in flight or unpublished any more.
 *
 * The question arrives with a token on the subscription that delivers the commands, so commands that were
 * published before it are received before it.  The answer is the token.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_IDLE_REPORT_H
#define ALLOCD_ENTRYPOINTS_MAIN_IDLE_REPORT_H

#include "bus/ports/clock.h"
#include "core/base/bytes.h"

#include <stdbool.h>

/* The channels of the question and of the answer, without the configured prefix. */
#define QUIESCE_CHANNEL "allocd:quiesce"
#define IDLE_CHANNEL    "allocd:quiet"

/* The longest token that is answered, in bytes. */
#define IDLE_TOKEN_MAX 64

/* The most tokens that wait for an answer; a further one replaces the oldest. */
#define IDLE_TOKENS_MAX 16

struct idle_report_worker {
	bool (*is_idle)(void *context);
	void (*answer)(void *context, struct bytes token);
	void *context;
};

struct idle_report;

struct idle_report *idle_report_new(struct clock *clock, const struct idle_report_worker *worker);

/* Accepts NULL in *report and nulls it. */
void idle_report_free(struct idle_report **report);

/* Answers the token from the event loop, as soon as the worker is idle. */
void idle_report_ask(struct idle_report *report, struct bytes token);

#endif
