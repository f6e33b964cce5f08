/*
 * Port: one durable stream of commands, as one reader in a consumer group sees it.
 *
 * An entry that was read is pending, for this reader, until it is acknowledged; whoever reads what is pending
 * gets it again, in the order of the ids.  Every call answers exactly once, through its callback, never
 * before it returns.  Calls of different kinds may be under way at once (a read that waits for entries holds
 * up nothing else), of each kind one.  Failures:
 *   FAILURE_RETRY     the stream cannot be reached; a read may have been delivered all the same
 *   FAILURE_FATAL     the stream refuses the call, or its answer is none, until an operator helps
 *   FAILURE_CONFLICT  the group is not there (any more): look, and create it
 */
#ifndef ALLOCD_BUS_PORTS_STREAM_H
#define ALLOCD_BUS_PORTS_STREAM_H

#include "bus/intake/stream_id.h"
#include "bus/ports/failure.h"
#include "core/base/bytes.h"
#include "core/message.h"

#include <stddef.h>

/*
 * Entries that one read brings, at most; and as long as nothing is known of their size, for what is too much
 * for the stream's memory fails.
 */
#define STREAM_READ_MAX   1000
#define STREAM_READ_FIRST 50

/* How long a read of new entries waits for the first of them. */
#define STREAM_WAIT_MS 2000

/* An entry whose reader did nothing about it for so long may be claimed by another one. */
#define STREAM_CLAIM_IDLE_MS 60000

struct stream_entry {
	struct stream_id id;
	bool gone;              /* it was trimmed while it was pending: nothing else of it is known */
	enum message_type type; /* that its `type` names; MSG_NONE: see `defect` */
	const char *defect;     /* why it is no command: "type: missing", or NULL */
	const char *message_id; /* its `id`, or NULL */
	struct bytes payload;   /* its `data`: PAYLOAD_MAX bytes at most; */
	size_t payload_size;    /* its true size */
	size_t whole_size;      /* bytes of all its fields */
};

/*
 * Ids of incarnations (see checkpoints.h) that a stream bears as marks: so many of them, with spaces
 * between.
 */
#define STREAM_LIFE_MAX  64
#define STREAM_LIVES_MAX (8 * (STREAM_LIFE_MAX + 1))

/* How things stand. */
struct stream_state {
	struct stream_id last_generated; /* 0-0: there is no such stream */
	bool has_group;
	size_t consumers;              /* that our group knows */
	struct stream_id delivered;    /* our group has handed out every entry up to here */
	char lives[STREAM_LIVES_MAX];  /* the marks that it bears; */
	size_t largest;                /* bytes of the larger one of its first and its last entry */
	struct stream_id done;         /* our group has acknowledged every entry up to here */
	struct stream_id done_by_all;  /* and every group of the stream every one up to here */
	uint64_t pending;              /* entries that our group's readers hold */
	int64_t added;                 /* entries that were ever added; below 0: the stream does not say */
	struct stream_id last_present; /* the highest entry that is there; 0-0: none is */
};

/* What a claim brought. */
struct stream_claim {
	size_t claimed; /* entries that are pending for this reader now */
	size_t lost;    /* entries that were trimmed while they were pending */
};

/* What is given is valid during the call. */
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

	/* A group that gets the entries after `after`; makes the stream, too.  One that is there stays. */
	void (*create_group)(struct stream *stream, struct stream_id after, stream_done *done, void *context);

	/* The group gets the entries after `after` (again). */
	void (*move_group)(struct stream *stream, struct stream_id after, stream_done *done, void *context);

	/* Puts that mark on the stream; it stays as long as the stream does.  Once more is no harm. */
	void (*mark_life)(struct stream *stream, const char *life, stream_done *done, void *context);

	/* Takes over whatever readers that are gone hold: all of it. */
	void (*claim)(struct stream *stream, stream_claimed *done, void *context);

	/* This reader's pending entries above `after`, `max` at most; none: there are no more. */
	void (*read_pending)(struct stream *stream, struct stream_id after, size_t max, stream_was_read *done,
			     void *context);

	/*
	 * Entries that no reader of the group has got, `max` at most; none: there are none, and none came in
	 * STREAM_WAIT_MS if it `may_wait`.
	 */
	void (*read_new)(struct stream *stream, size_t max, bool may_wait, stream_was_read *done,
			 void *context);

	/* Once more is no harm.  The ids are copied. */
	void (*acknowledge)(struct stream *stream, const struct stream_id *ids, size_t count,
			    stream_done *done, void *context);

	/* Drops entries below `lowest`, about. */
	void (*trim)(struct stream *stream, struct stream_id lowest, stream_done *done, void *context);
};

#endif
