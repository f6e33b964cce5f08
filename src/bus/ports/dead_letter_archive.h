/*
 * Port: dead letters, as an operator handles them.
 *
 * Every call waits for the database: it is for a command that does one thing after another.  Each returns
 * NULL when all went well, else what went wrong, valid until the next call: FAILURE_RETRY when the database
 * could not be reached, anything else when it refused.  All calls see the dead letters up to the newest one
 * that was there when the port was opened, and reckon ages from that moment.
 */
#ifndef ALLOCD_BUS_PORTS_DEAD_LETTER_ARCHIVE_H
#define ALLOCD_BUS_PORTS_DEAD_LETTER_ARCHIVE_H

#include "bus/ports/failure.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its way, as it is written down, when it is a notification that could not be sent. */
#define TRANSPORT_NAME_MAIL "mail"

/* As it is written down; times are instants (see core/base/calendar.h). */
struct dead_letter {
	int64_t id;
	const char *outcome;
	const char *reason;
	const char *way;
	const char *place;
	const char *entry_id;   /* or NULL */
	int64_t incarnation;    /* of its stream, or 0 */
	const char *message;    /* "unknown": its type is */
	const char *source;     /* of a CloudEvent, or "" */
	const char *message_id; /* or NULL */
	struct bytes payload;   /* empty when it was not asked for */
	int64_t payload_bytes;  /* its true size */
	int attempts;
	int64_t first_at, last_at;
};

/* What an operator did about one. */
struct dead_letter_history_entry {
	int attempt;
	const char *action; /* "replayed", "discarded" */
	const char *who;
	int64_t at;
	const char *edits;   /* or "" */
	const char *outcome; /* what came of it, or NULL */
	const char *reason;  /* or NULL */
};

/* All of it holds; what is NULL, 0 or negative does not count. */
struct dead_letter_filter {
	const int64_t *ids;
	size_t id_count;
	const char *outcome;
	const char *reason; /* is contained in it, in whatever case */
	const char *message;
	int64_t older_than_s, newer_than_s; /* since the last attempt; negative: any age */
	int64_t limit;                      /* no more than these, the oldest; 0: all */
};

/* How many of a kind there are. */
struct dead_letter_kind {
	const char *message;
	const char *way;
	int64_t count;
};

struct dead_letter_page {
	int64_t after; /* ids above this one, from the lowest on; */
	size_t max;    /* no more than so many */
	bool with_payload;
	struct arena *arena;         /* for what is read */
	struct dead_letter *letters; /* out */
	size_t count;                /* out */
};

struct dead_letters {
	const struct dead_letters_ops *ops;
	int64_t opened_at; /* an instant of the database's clock */
};

struct dead_letters_ops {
	/* Which kinds match, and how many of each. */
	const struct failure *(*count)(struct dead_letters *, const struct dead_letter_filter *,
				       struct arena *arena, struct dead_letter_kind **kinds, size_t *count);

	/* Those of `ids` that are not there, in their order. */
	const struct failure *(*missing)(struct dead_letters *, const int64_t *ids, size_t id_count,
					 struct arena *arena, int64_t **missing, size_t *count);

	/* The next of those that match. `filter->limit` does not count: the page has its own. */
	const struct failure *(*read)(struct dead_letters *, const struct dead_letter_filter *,
				      struct dead_letter_page *page);

	/* What was done about one, in the order of the attempts; also of one that is gone. */
	const struct failure *(*history)(struct dead_letters *, int64_t id, struct arena *arena,
					 struct dead_letter_history_entry **deeds, size_t *count);

	/* Deletes those that are as they were read, and writes down who did it. *discarded: how many. */
	const struct failure *(*discard)(struct dead_letters *, const struct dead_letter *letters,
					 size_t count, const char *who, size_t *discarded);

	/*
	 * A mail is due again, at once, and its dead letter gone, in one step.  *done: false when somebody
	 * else was faster.
	 */
	const struct failure *(*resend)(struct dead_letters *, const struct dead_letter *mail,
					const char *who, bool *done);

	void (*free)(struct dead_letters *);
};

#endif
