/*
 * Answers to commands over HTTP: the status and the text for each outcome.  Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_ANSWER_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_ANSWER_H

#include "bus/messages/delivery.h"

#include <stdbool.h>

/* The kind of a problem: the `type` of the answer's body (RFC 9457). */
#define PROBLEM(name)             "urn:allocd:problem:" name
#define PROBLEM_INVALID           PROBLEM("invalid")
#define PROBLEM_UNKNOWN_SKU       PROBLEM("unknown-sku")
#define PROBLEM_UNKNOWN_BATCH     PROBLEM("unknown-batch")
#define PROBLEM_REFERENCE_TAKEN   PROBLEM("reference-taken")
#define PROBLEM_ID_REUSED         PROBLEM("id-reused")
#define PROBLEM_FAILED            PROBLEM("failed")
#define PROBLEM_LATE              PROBLEM("late")
#define PROBLEM_DATABASE_AWAY     PROBLEM("database-away")
#define PROBLEM_STARTING          PROBLEM("starting")
#define PROBLEM_STOPPING          PROBLEM("stopping")
#define PROBLEM_DATABASE_RESTORED PROBLEM("database-restored")
#define PROBLEM_QUEUE_FULL        PROBLEM("queue-full")
#define PROBLEM_SKU_HELD_UP       PROBLEM("sku-held-up")
#define PROBLEM_TOO_BUSY          PROBLEM("too-busy")
#define PROBLEM_NOT_READY         PROBLEM("not-ready")
#define PROBLEM_NOT_FOUND         PROBLEM("not-found")
#define PROBLEM_METHOD            PROBLEM("method-not-allowed")
#define PROBLEM_NOT_JSON          PROBLEM("not-json")
#define PROBLEM_TOO_LARGE         PROBLEM("too-large")
#define PROBLEM_HEAD_TOO_LARGE    PROBLEM("header-too-large")
#define PROBLEM_MALFORMED_REQUEST PROBLEM("malformed-request")
#define PROBLEM_EXPECTATION       PROBLEM("unknown-expectation")
#define PROBLEM_VERSION           PROBLEM("unknown-version")
#define PROBLEM_NOT_IMPLEMENTED   PROBLEM("not-implemented")
#define PROBLEM_OTHER_HOST        PROBLEM("other-host")
#define PROBLEM_OTHER_ORIGIN      PROBLEM("other-origin")
#define PROBLEM_UNAUTHORIZED      PROBLEM("unauthorized")
#define PROBLEM_NOT_OPEN          PROBLEM("not-open")
#define PROBLEM_ADMIN_OFF         PROBLEM("admin-off")
#define PROBLEM_TOO_MANY_TRIES    PROBLEM("too-many-tries")
#define PROBLEM_COUNT_CHANGED     PROBLEM("count-changed")
#define PROBLEM_NO_REHEARSALS     PROBLEM("no-rehearsals")
#define PROBLEM_CANNOT_RUN        PROBLEM("cannot-run")
#define PROBLEM_EVENTS_AWAY       PROBLEM("events-away")
#define PROBLEM_INTERNAL          PROBLEM("internal")

struct http_answer {
	int status;
	const char *type;     /* of the problem; NULL: the command succeeded */
	const char *message;  /* one line; after a success it is the whole body */
	const char *location; /* or NULL */
};

/* The answer to a command that has an outcome.  Texts live in `arena` or are constant. */
struct http_answer answer_for(const struct delivery *delivery, struct arena *arena);

/* The reason phrase of a status: "Bad Request". */
const char *http_title(int status);

struct json_t;

/*
 * The body of an error: application/problem+json (RFC 9457), to be freed by free().  `members`, an object
 * whose reference it takes, has further ones; NULL: none.
 */
char *problem_json(int status, const char *type, const char *message, struct json_t *members);

/* Whether a Content-Type, which may be NULL and may have parameters, is application/json. */
bool is_json_type(const char *content_type);

/*
 * Decodes a percent-encoded name in a path, or the value of a parameter.  NULL unless it is properly encoded
 * and has 1 to 255 characters of UTF-8 without NUL.
 */
const char *name_decode(const char *encoded, struct arena *arena);

/* The same for a text of up to `max` characters, which may be empty. */
const char *percent_decode(const char *encoded, size_t max, struct arena *arena);

/* Clients of forms send a blank as a plus sign: puts blanks in the place of all of them, and returns it. */
char *plus_to_blank(char *value);

/* Percent-encodes a name, except for its unreserved characters (RFC 3986). */
const char *name_encode(const char *name, struct arena *arena);

#endif
