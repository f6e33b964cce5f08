/*
 * When each of the last messages with an id was received, handled and committed, for a view of one message.
 *
 * It is kept in memory, for MESSAGE_TIMES_MAX messages that this worker handled since its start.
 */
#ifndef ALLOCD_BUS_STATISTICS_MESSAGE_TIMES_H
#define ALLOCD_BUS_STATISTICS_MESSAGE_TIMES_H

#include "bus/messages/delivery.h"
#include "bus/statistics/unit_statistics.h"

#define MESSAGE_TIMES_MAX 1024

/* The bytes of an id that are kept, its NUL included: ids that differ only in further bytes count as one. */
#define MESSAGE_TIMES_ID 64

/* By the engine's clock.  Of a unit that was redone, the last attempt counts. */
struct unit_times {
	int64_t began_us;
	int64_t ended_us[UNIT_STAGES]; /* 0: the unit had no such stage */
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

/* A unit of work was committed; the deliveries noted until the next call belong to it. */
void message_times_begin_unit(struct message_times *times, const struct unit_times *unit);
void message_times_note(struct message_times *times, const struct delivery *delivery);

/* The last message with that id, and its unit; NULL: not known, or not any more. */
const struct message_time *message_times_find(const struct message_times *times, const char *id,
					      const struct unit_times **unit);

#endif
