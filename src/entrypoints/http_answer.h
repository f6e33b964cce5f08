/*
 * What HTTP callers are told: which status and words stand for which outcome.  Nothing here touches a socket.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_ANSWER_H
#define ALLOCD_ENTRYPOINTS_HTTP_ANSWER_H

#include "bus/delivery.h"

#include <stdbool.h>

struct http_answer {
	int status;
	const char *message;  /* one line; of a success: the body */
	const char *location; /* or NULL */
};

/* What a command's caller is told once it has an outcome.  Texts live in `arena` or are constant. */
struct http_answer answer_for(const struct delivery *delivery, struct arena *arena);

/* "Bad Request". */
const char *http_title(int status);

/* The body of an error: application/problem+json (RFC 9457).  To be freed by free(). */
char *problem_json(int status, const char *message);

/* The same with the member `since`; NULL: without. */
char *problem_json_since(int status, const char *message, const char *since);

/* Whether a Content-Type, which may be NULL and may have parameters, is application/json. */
bool is_json_type(const char *content_type);

/*
 * One name in a path, or the value of a parameter, percent-encoded.  NULL when it is no name: 1 to 255
 * characters of UTF-8 without NUL, and properly encoded.
 */
const char *name_decode(const char *encoded, struct arena *arena);

/* The other way round: only what needs no encoding anywhere (RFC 3986, unreserved) stays. */
const char *name_encode(const char *name, struct arena *arena);

#endif
