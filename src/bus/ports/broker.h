/*
 * Port: publishes events.
 *
 * Any number of workers publish for one database.  The broker keeps a fence for each partition: the
 * position up to which any of them published rows.  It refuses rows below the fence, and rows that would
 * leave a gap above it.  So each row is published once and in order, however many workers try.
 *
 * It refuses all rows of a worker that knows the database on an older timeline than another worker has
 * published for: what is on the older one may be lost, and its positions given to other rows.
 */
#ifndef ALLOCD_BUS_PORTS_BROKER_H
#define ALLOCD_BUS_PORTS_BROKER_H

#include "bus/ports/failure.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The database's incarnation, a UUID as text.  A restored database has another one, and its own fences. */
#define INCARNATION_SIZE 37

/* The number of a database system, as text: timelines of one system have an order. */
#define SYSTEM_SIZE 21

/*
 * A database's timeline as eight hexadecimal digits: a higher one begins when a standby is promoted, or a
 * backup is recovered up to a moment.  What was committed last may be missing then.
 */
#define TIMELINE_SIZE 9

/* An event as it is published: encoded once, when it was decided. */
struct outgoing {
	enum message_type type; /* MSG_NONE: unknown to this program; it is left out */
	struct bytes payload;
	bool is_predecessor; /* the event before it, under a name that was replaced (predecessors.h) */
};

/* The events of one row of the outbox. */
struct outgoing_row {
	int64_t position; /* in its partition */
	const struct outgoing *events;
	size_t count;
};

/* Rows of one partition, in the order of their positions.  Without rows the call only queries the fence. */
struct publication {
	const char *incarnation;
	int partition;
	/*
	 * The caller knows that everything up to here was published.  A fence that is missing or lower is
	 * set to it.
	 */
	int64_t known;
	const struct outgoing_row *rows;
	size_t row_count;
	const char *system, *timeline; /* on which the rows were committed or read; NULL: not known */
};

/* The result of a publication. */
struct published {
	/*
	 * Everything up to here is published, by this call or another one.  If the first row does not follow
	 * it without a gap, this call published nothing.
	 */
	int64_t position;
	size_t events; /* published by this call */
};

/*
 * `failure` is NULL when the broker published what its fence allows; else any number of the rows, from the
 * first on, may be published; FAILURE_FENCED: none is, as the timeline is not the newest one any more.
 */
typedef void publish_done(void *context, const struct published *published, const struct failure *failure);

struct broker {
	const struct broker_ops *ops;
};

struct broker_ops {
	/*
	 * Publishes the rows in order.  `publication` and everything in it must live until `done`, which is
	 * called exactly once and never before publish returns.  One call for each partition may be under
	 * way.  When the broker is not reachable the answer is FAILURE_RETRY, within a bounded time.
	 */
	void (*publish)(struct broker *broker, const struct publication *publication, publish_done *done,
			void *context);

	/* Whether the broker is connected, so that publish can succeed. */
	bool (*is_up)(const struct broker *broker);
};

#endif
