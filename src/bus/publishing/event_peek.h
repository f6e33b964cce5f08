/*
 * Port: the events that went out, of all workers, the newest first, for people who watch them.
 *
 * It has no part in delivering events: what cannot be read is missing on a screen, and nowhere else.
 */
#ifndef ALLOCD_BUS_PUBLISHING_EVENT_PEEK_H
#define ALLOCD_BUS_PUBLISHING_EVENT_PEEK_H

#include "bus/base/stream_id.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stddef.h>

/* The most events of one read. */
#define EVENT_PEEK_MAX 500

struct peeked_event {
	struct stream_id id;
	enum message_type type; /* MSG_NONE: this program does not know it */
	struct bytes payload;   /* without data: it was too large to be kept */
};

struct peeked_events {
	const struct peeked_event *events; /* the newest first */
	size_t count;
	int64_t added;         /* events ever added; negative: unknown */
	struct stream_id last; /* the id that was given last; that, or `added`, is lower: a new stream */
};

/* `error`: one line, or NULL; then there are no events.  Arguments are valid during the call only. */
typedef void event_peek_done(void *context, const struct peeked_events *found, const char *error);

struct event_peek {
	const struct event_peek_ops *ops;
};

struct event_peek_ops {
	/*
	 * Reads the newest `max` events after one id, and up to another one.  Answers exactly once, and not
	 * before it returns, unless it is closed first; only one read may be under way.
	 */
	void (*read)(struct event_peek *peek, struct stream_id after, struct stream_id up_to, size_t max,
		     event_peek_done *done, void *context);

	/* Gives up what a read needs, until the next one.  Not from a callback of this port. */
	void (*close)(struct event_peek *peek);
};

#endif
