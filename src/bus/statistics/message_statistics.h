/* What is counted of messages: by message, by the way on which they came, and by outcome. */
#ifndef ALLOCD_BUS_STATISTICS_MESSAGE_STATISTICS_H
#define ALLOCD_BUS_STATISTICS_MESSAGE_STATISTICS_H

#include "bus/messages/delivery.h"
#include "bus/messages/reason_code.h"
#include "bus/statistics/histogram.h"

/* Of one message on one way. */
struct message_figures {
	uint64_t received;
	uint64_t outcomes[OUTCOME_FAILED + 1];

	/* Microseconds to the commit of the outcome, of messages that have one of the five that end them. */
	struct histogram duration; /* from the receipt */
	struct histogram critical; /* from the publication, where that is known */
};

/* All zero at first; counts only go up.  A `type` that is no command counts as MSG_NONE. */
struct message_statistics {
	struct message_figures of[MSG_TYPES][TRANSPORTS];
	uint64_t refused[MSG_TYPES][REASON_CODES];      /* rejected, invalid or failed */
	uint64_t dead_letters[MSG_TYPES][REASON_CODES]; /* those of them that became dead letters */
};

/* How many messages had this outcome, of all kinds and on all ways. */
uint64_t message_statistics_count(const struct message_statistics *statistics, enum outcome outcome);

/* The durations of all messages on all ways. */
struct histogram message_statistics_durations(const struct message_statistics *statistics);

void message_statistics_received(struct message_statistics *statistics, const struct delivery *delivery);

/*
 * The delivery has its outcome, which was committed at `committed_us`, by the clock of its receipt, and at
 * `committed_at`, microseconds since 1970; NO_INSTANT: that is unknown.
 */
void message_statistics_finished(struct message_statistics *statistics, const struct delivery *delivery,
				 int64_t committed_us, int64_t committed_at);

#endif
