/*
 * Port: where events go.
 *
 * Any number of workers publish for one database.  The broker keeps a fence for each partition: the position
 * up to which rows went out, by whomever.  It refuses rows below it, and rows that would leave a gap above
 * it: so each row goes out once, and in order, however many try.
 */
#ifndef ALLOCD_BUS_PORTS_BROKER_H
#define ALLOCD_BUS_PORTS_BROKER_H

#include "bus/ports/failure.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The database's name for itself, a UUID as text: fences of one that was restored do not count. */
#define INCARNATION_SIZE 37

/* An event as it goes out: encoded once, when it was decided. */
struct outgoing {
	enum message_type type; /* MSG_NONE: unknown to this program; it is left out */
	struct bytes payload;
};

/* The events of one row of the outbox. */
struct outgoing_row {
	int64_t position; /* in its partition */
	const struct outgoing *events;
	size_t count;
};

/* Rows of one partition, in the order of their positions; without any it only asks where the fence is. */
struct publication {
	const char *incarnation;
	int partition;
	/*
	 * Everything up to here went out, as the caller knows for certain.  A fence that is missing, or
	 * below, is there from then on.
	 */
	int64_t known;
	const struct outgoing_row *rows;
	size_t row_count;
};

/* What came of it. */
struct published {
	/*
	 * Everything up to here went out, by this call or another: below the first row's predecessor it tells
	 * of a gap, and nothing of this call went out.
	 */
	int64_t position;
	size_t events; /* that went out by this call */
};

/*
 * `failure` is NULL when the broker took what its fence allows; else any number of the rows, from the first
 * on, may have gone out.
 */
typedef void publish_done(void *context, const struct published *published, const struct failure *failure);

struct broker {
	const struct broker_ops *ops;
};

struct broker_ops {
	/*
	 * Publishes the rows in their order.  What is given, `publication` itself included, lives until
	 * `done`, which is called exactly once and never before publish returns.  Several calls may be under
	 * way, of each partition one.  When the broker is not reachable the answer is FAILURE_RETRY, within a
	 * bounded time.
	 */
	void (*publish)(struct broker *broker, const struct publication *publication, publish_done *done,
			void *context);

	/* Whether publish has a chance now. */
	bool (*is_up)(const struct broker *broker);
};

#endif
