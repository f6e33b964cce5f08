/*
 * Port: one durable stream of commands, as one reader in a consumer group sees it.
 *
 * An entry that was read is pending for this reader until it is acknowledged; a read of pending entries
 * returns it again, in the order of the ids.  Every call answers exactly once, through its callback, never
 * before it returns.  One call of each kind may be under way at a time (a read that waits for entries blocks
 * no other kind).  Failures:
 *   FAILURE_RETRY     the stream cannot be reached; a read may have made entries pending all the same
 *   FAILURE_FATAL     the stream refuses the call or answers nonsense, until an operator helps
 *   FAILURE_CONFLICT  the group does not exist: look, and create it
 */
#ifndef ALLOCD_BUS_PORTS_STREAM_H
#define ALLOCD_BUS_PORTS_STREAM_H

#include "bus/base/stream_id.h"
#include "bus/ports/failure.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stddef.h>

/*
 * The most entries of one read; and the most while their size is unknown, since a read that exceeds the
 * stream's memory fails.
 */
#define STREAM_READ_MAX   1000
#define STREAM_READ_FIRST 50

/* How long a read of new entries waits for the first of them. */
#define STREAM_WAIT_MS 2000

/* An entry that stayed pending for this long may be claimed by a reader that has no lease of the stream. */
#define STREAM_CLAIM_IDLE_MS 60000

struct stream_entry {
	struct stream_id id;
	bool gone;               /* it was trimmed while it was pending: only its id is known */
	enum message_type type;  /* named by its `type`; MSG_NONE: see `defect` */
	const char *defect;      /* why it is not a command: "type: missing", or NULL */
	const char *unknown;     /* its `type`, if that names no command that this program knows; or NULL */
	const char *message_id;  /* its `id`, or NULL */
	const char *traceparent; /* its `traceparent`, as it is, or NULL */
	const char *origin;      /* its `origin`, if another stream's reader forwarded it, or NULL */
	struct bytes payload;    /* its `data`, PAYLOAD_MAX bytes at most */
	size_t payload_size;     /* its true size */
	size_t whole_size;       /* bytes of all its fields */
};

/*
 * Bytes of one incarnation's mark (see checkpoints.h), and of the 8 that a stream bears, separated by
 * spaces.
 */
#define STREAM_LIFE_MAX  64
#define STREAM_LIVES_MAX (8 * (STREAM_LIFE_MAX + 1))

/* The state of the stream and of our consumer group. */
struct stream_state {
	struct stream_id last_generated; /* 0-0: there is no such stream */
	bool has_group;
	size_t consumers;             /* of our group */
	struct stream_id delivered;   /* our group has delivered every entry up to here */
	char lives[STREAM_LIVES_MAX]; /* the marks of incarnations that it bears */
	size_t largest;               /* bytes of the larger of its first and last entry */
	struct stream_id done;        /* our group has acknowledged every entry up to here */
	struct stream_id done_by_all; /* every group of the stream has acknowledged every entry up to here */
	uint64_t pending;             /* entries pending for our group's readers */
	bool others_hold_some;        /* of these some are pending for other readers than this one */
	struct stream_id first_pending; /* the lowest of these; 0-0: none is */
	struct stream_id
		first_unread; /* that our group has not delivered yet; 0-0: unknown, or every entry was */
	uint64_t length;      /* entries that exist */
	int64_t lag;          /* of these, how many our group has not delivered; negative: unknown */
	int64_t added;        /* entries ever added; negative: unknown */
	struct stream_id last_present; /* the highest entry that exists; 0-0: the stream is empty */
};

/* The result of a claim. */
struct stream_claim {
	size_t claimed; /* entries that are pending for this reader now */
	size_t lost;    /* entries that were trimmed while they were pending */
};

/* An entry for another stream. */
struct forwarded_entry {
	const char *to; /* the stream */
	enum message_type type;
	struct bytes payload;
	const char *message_id;  /* or NULL */
	const char *traceparent; /* or NULL */
	const char *origin;      /* what the entry was first: see delivery_origin() */
};

/* Arguments are valid during the call only. */
typedef void stream_done(void *context, const struct failure *failure);
typedef void stream_looked(void *context, const struct stream_state *state, const struct failure *failure);
typedef void stream_claimed(void *context, const struct stream_claim *claim, const struct failure *failure);
typedef void stream_was_read(void *context, const struct stream_entry *entries, size_t count,
			     const struct failure *failure);

/* Whether `life` is among `lives`. */
bool stream_lives_hold(const char *lives, const char *life);

struct stream {
	const struct stream_ops *ops;
};

struct stream_ops {
	void (*look)(struct stream *stream, stream_looked *done, void *context);

	/*
	 * Creates the stream, and the group, which will be delivered the entries after `after`.  An
	 * existing group is not changed.
	 */
	void (*create_group)(struct stream *stream, struct stream_id after, stream_done *done, void *context);

	/* Moves the group, so that it is delivered the entries after `after` (again). */
	void (*move_group)(struct stream *stream, struct stream_id after, stream_done *done, void *context);

	/* Adds the incarnation's mark to the stream, for as long as the stream exists.  May be repeated. */
	void (*mark_life)(struct stream *stream, const char *life, stream_done *done, void *context);

	/* Claims all entries that are pending for any reader since `idle_ms` or longer. */
	void (*claim)(struct stream *stream, int64_t idle_ms, stream_claimed *done, void *context);

	/* Reads up to `max` of this reader's pending entries above `after`; no entries: there are no more. */
	void (*read_pending)(struct stream *stream, struct stream_id after, size_t max, stream_was_read *done,
			     void *context);

	/*
	 * Reads up to `max` entries that were not delivered to the group yet.  With `may_wait`, it
	 * waits up to STREAM_WAIT_MS for the first one.
	 */
	void (*read_new)(struct stream *stream, size_t max, bool may_wait, stream_was_read *done,
			 void *context);

	/*
	 * Ends the wait of a read of new entries, which returns without entries soon.  A read that reaches
	 * the stream only afterwards waits all the same.
	 */
	void (*unblock)(struct stream *stream, stream_done *done, void *context);

	/* May be repeated.  The ids are copied. */
	void (*acknowledge)(struct stream *stream, const struct stream_id *ids, size_t count,
			    stream_done *done, void *context);

	/* Adds the entry, which is copied, to another stream. */
	void (*forward)(struct stream *stream, const struct forwarded_entry *entry, stream_done *done,
			void *context);

	/* Deletes entries below `lowest`, approximately. */
	void (*trim)(struct stream *stream, struct stream_id lowest, stream_done *done, void *context);

	/*
	 * Identifies the connections over which this reader reads and claims; NULL while it cannot.  The text
	 * is valid until the event loop continues.
	 */
	const char *(*connections)(struct stream *stream);

	/* Ends connections that another reader has named in this way: it is delivered nothing over them. */
	void (*end_connections)(struct stream *stream, const char *connections, stream_done *done,
				void *context);
};

#endif
