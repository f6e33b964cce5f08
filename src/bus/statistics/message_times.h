/*
 * When the last messages were received, handled and committed, for people who look at one of them.
 *
 * A ring in memory: of this worker, since its start, and of messages with an id.
 */
#ifndef ALLOCD_BUS_STATISTICS_MESSAGE_TIMES_H
#define ALLOCD_BUS_STATISTICS_MESSAGE_TIMES_H

#include "bus/messages/delivery.h"
#include "bus/statistics/unit_statistics.h"

#define MESSAGE_TIMES_MAX 1024

/* Bytes that are kept of an id, with the NUL behind them: ids that differ only later count as one. */
#define MESSAGE_TIMES_ID 64

/* By the engine's clock.  Of a unit that was redone: its last try. */
struct unit_times {
	int64_t began_us;
	int64_t ended_us[UNIT_STAGES]; /* 0: the unit did without that stage */
	size_t messages;
};

struct message_time {
	char id[MESSAGE_TIMES_ID];
	enum transport transport;
	int64_t published_us; /* since 1970, by the publisher's clock; NO_INSTANT: unknown */
	int64_t received_us;  /* by the engine's clock */
	size_t unit;          /* its number */
};

struct message_times;

struct message_times *message_times_new(void);

/* Accepts NULL in *times and nulls it. */
void message_times_free(struct message_times **times);

/* A unit of work was committed; the deliveries that are noted next have their outcomes by it. */
void message_times_begin_unit(struct message_times *times, const struct unit_times *unit);
void message_times_note(struct message_times *times, const struct delivery *delivery);

/* The last message with that id, and its unit; NULL: not known, or not any more. */
const struct message_time *message_times_find(const struct message_times *times, const char *id,
					      const struct unit_times **unit);

#endif
