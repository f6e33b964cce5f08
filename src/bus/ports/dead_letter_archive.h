/*
 * Port: dead letters, as an operator handles them.
 *
 * Every call blocks until the database answers, for the operators' commands.  Each returns NULL on success,
 * else the failure, valid until the next call: FAILURE_RETRY when the database could not be reached,
 * another kind when it refused.  All calls see only dead letters up to the newest one that existed when the
 * port was opened, and count ages from that moment.
 */
#ifndef ALLOCD_BUS_PORTS_DEAD_LETTER_ARCHIVE_H
#define ALLOCD_BUS_PORTS_DEAD_LETTER_ARCHIVE_H

#include "bus/ports/failure.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The recorded transport of a notification that could not be sent. */
#define TRANSPORT_NAME_MAIL "mail"

/* A dead letter as it is recorded; times are instants (see core/base/calendar.h). */
struct dead_letter {
	int64_t id;
	const char *outcome;
	const char *reason;
	const char *transport;
	const char *origin;
	const char *entry_id;   /* or NULL */
	int64_t incarnation;    /* of its stream, or 0 */
	const char *message;    /* "unknown" when its type is unknown */
	const char *source;     /* of a CloudEvent, or "" */
	const char *message_id; /* or NULL */
	struct bytes payload;   /* empty unless the page is `with_payload` */
	int64_t payload_bytes;  /* its true size */
	int attempts;
	int64_t first_at, last_at;
	bool is_handled_since; /* after the last attempt, its message was handled under the same id */
};

/* What an operator did about a dead letter. */
struct dead_letter_history_entry {
	int attempt;
	const char *action; /* "replayed", "discarded", "restored" */
	const char *who;
	int64_t at;
	const char *edits;   /* of a replay; or the note of a discard or a restore; or "" */
	const char *outcome; /* of a replay, or NULL */
	const char *reason;  /* or NULL */
};

/* Who discards or restores letters, and why. */
struct dead_letter_deed {
	const char *who;
	const char *note; /* or "" */
};

/*
 * All conditions must hold; a condition that is NULL, 0 or negative is not checked.  Of discarded ones, the
 * discard is the last attempt.
 */
struct dead_letter_filter {
	bool is_discarded; /* those that were discarded, instead of those that are kept */
	const int64_t *ids;
	size_t id_count;
	const char *outcome;
	const char *reason; /* a part of the dead letter's reason, ignoring case */
	const char *whole_reason;
	const char *message;
	const char *message_id;
	int64_t older_than_s, newer_than_s; /* since the last attempt; negative: any age */
	int64_t since;                      /* the instant of the last attempt or an earlier one */
	int64_t limit;                      /* at most this many, the oldest; 0: all */
};

/* How many dead letters of a kind there are. */
struct dead_letter_kind {
	const char *message;
	const char *transport;
	int64_t count;
};

struct dead_letter_page {
	int64_t after; /* the page has ids above this one, from the lowest on */
	size_t max;    /* dead letters in the page */
	bool with_payload;
	struct arena *arena;         /* of the letters */
	struct dead_letter *letters; /* out */
	size_t count;                /* out */
};

struct dead_letters {
	const struct dead_letters_ops *ops;
	int64_t opened_at; /* an instant of the database's clock */
};

struct dead_letters_ops {
	/* Counts the dead letters that match, by kind. */
	const struct failure *(*count)(struct dead_letters *, const struct dead_letter_filter *,
				       struct arena *arena, struct dead_letter_kind **kinds, size_t *count);

	/* Finds those of the filter's ids that do not exist, in their order; ignores its other conditions. */
	const struct failure *(*missing)(struct dead_letters *, const struct dead_letter_filter *,
					 struct arena *arena, int64_t **missing, size_t *count);

	/* Reads the next page of those that match.  `filter->limit` is ignored: the page has its own. */
	const struct failure *(*read)(struct dead_letters *, const struct dead_letter_filter *,
				      struct dead_letter_page *page);

	/* Reads the history of a dead letter, in the order of the attempts; also if it no longer exists. */
	const struct failure *(*history)(struct dead_letters *, int64_t id, struct arena *arena,
					 struct dead_letter_history_entry **deeds, size_t *count);

	/*
	 * Discards the dead letters that did not change since they were read, and records the operator.
	 * Counts them in *discarded.  They are deleted after 7 days.
	 */
	const struct failure *(*discard)(struct dead_letters *, const struct dead_letter *letters,
					 size_t count, const struct dead_letter_deed *deed,
					 size_t *discarded);

	/*
	 * Restores discarded ones likewise.  One of a stream's entry that is a dead letter again is not
	 * restored.
	 */
	const struct failure *(*restore)(struct dead_letters *, const struct dead_letter *letters,
					 size_t count, const struct dead_letter_deed *deed, size_t *restored);

	/*
	 * Makes a mail due again at once and deletes its dead letter, in one transaction.  *done is false
	 * when another operator replayed or discarded it first.
	 */
	const struct failure *(*resend)(struct dead_letters *, const struct dead_letter *mail,
					const char *who, bool *done);

	void (*free)(struct dead_letters *);
};

#endif
