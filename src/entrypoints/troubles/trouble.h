/*
 * The troubles of a worker: the words that readiness, the log, the metric and `allocd status` share.
 *
 * The list is closed.  docs/operating.md has a heading for each code, which a test compares with this table.
 */
#ifndef ALLOCD_ENTRYPOINTS_TROUBLES_TROUBLE_H
#define ALLOCD_ENTRYPOINTS_TROUBLES_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trouble_severity {
	TROUBLE_NOTE, /* worth knowing; nothing suffers */
	TROUBLE_HARM, /* some messages or events suffer: the worker is degraded */
	TROUBLE_STOP, /* a part of the work stands still: the worker is not ready */
};

/* In the order in which they are shown, the worst first. */
enum trouble_code {
	TROUBLE_DATABASE_UNREACHABLE,
	TROUBLE_DATABASE_AUTH,
	TROUBLE_DATABASE_NOPERM,
	TROUBLE_DATABASE_READONLY,
	TROUBLE_DATABASE_FULL,
	TROUBLE_DATABASE_TOO_MANY,
	TROUBLE_DATABASE_LOCKED,
	TROUBLE_DATABASE_RESTORED,
	TROUBLE_STALLED,
	TROUBLE_REDIS_UNREACHABLE,
	TROUBLE_REDIS_AUTH,
	TROUBLE_REDIS_NOPERM,
	TROUBLE_REDIS_READONLY,
	TROUBLE_REDIS_LOADING,
	TROUBLE_SUBSCRIPTION_STALLED,
	TROUBLE_LEASE_LOST,
	TROUBLE_STREAM_UNREAD,
	TROUBLE_STREAM_TYPE_UNKNOWN,
	TROUBLE_ACK_REFUSED,
	TROUBLE_FORWARDING_REFUSED,
	TROUBLE_EVENTS_REFUSED,
	TROUBLE_OUTBOX_BEHIND,
	TROUBLE_OUTBOX_DAMAGED,
	TROUBLE_REDIS_OOM,
	TROUBLE_STREAM_LOST,
	TROUBLE_STREAM_BEHIND,
	TROUBLE_SKU_PARKED,
	TROUBLE_PUBSUB_PAUSED,
	TROUBLE_DEAD_LETTERS_FULL,
	TROUBLE_MAIL_UNREACHABLE,
	TROUBLE_VERIFY_FAILED,
	TROUBLE_VIEW_STALE,
	TROUBLE_QUEUE_FULL,
	TROUBLE_DEAD_LETTERS_NEW,
	TROUBLE_NOBODY_LISTENS,
	TROUBLE_CLOCK_SKEW,
	TROUBLE_CODES
};

struct trouble_kind {
	const char *code;
	enum trouble_severity severity;
	bool stops_http;    /* commands over HTTP are not committed either */
	const char *effect; /* on messages */
	const char *advice; /* the next step; the cause of a trouble may call for other advice */
};

extern const struct trouble_kind trouble_kinds[TROUBLE_CODES];

/* "stop", "harm" or "note". */
const char *trouble_severity_name(enum trouble_severity severity);

/* Holds an error of a service, and some words. */
#define TROUBLE_TEXT_MAX 896

struct trouble {
	bool is_open, is_noted; /* noted: in this round, see trouble_list_begin() */
	int64_t since_us;       /* since 1970 */
	const char *advice;
	char text[TROUBLE_TEXT_MAX]; /* what is wrong, in one line */
};

struct trouble_list {
	struct trouble by_code[TROUBLE_CODES];
};

/*
 * A round notes each trouble that there is at the moment, and closes those that are not noted.  A trouble
 * that is noted in several rounds keeps the instant at which it began.
 */
void trouble_list_begin(struct trouble_list *list);
void trouble_list_end(struct trouble_list *list);

/*
 * `advice` is NULL where that of the kind applies; constant.  If a code is noted twice in a round, the first
 * text is kept.
 */
__attribute__((format(printf, 5, 6))) void trouble_list_note(struct trouble_list *list,
							     enum trouble_code code, int64_t since_us,
							     const char *advice, const char *format, ...);

bool trouble_list_has(const struct trouble_list *list, enum trouble_severity severity);

#endif
