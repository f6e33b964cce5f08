/* Sends replies, with their headers and bodies, and counts them. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_REPLY_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_REPLY_H

#include "entrypoints/http/http_answer.h"
#include "entrypoints/http_server/http_head.h"
#include "entrypoints/metrics/http_statistics.h"

#include <event2/http.h>

struct json_t;

/* A request that is to be replied to. */
struct http_call {
	struct evhttp_request *request;
	struct http_route_statistics *route;
	int64_t began_us; /* by monotonic_us() */
	bool has_admin_token;
};

/*
 * Each of these ends the request, which the caller must not use again.  A HEAD gets only the headers.
 * Nothing is to be stored, unless the reply has a Cache-Control.
 */
void reply_text(const struct http_call *call, int status, const char *type, const char *body, size_t size);
void reply_not_modified(const struct http_call *call);
void reply_problem(const struct http_call *call, int status, const char *type, const char *message);

/* The same with further members, of an object whose reference it takes. */
void reply_problem_with(const struct http_call *call, int status, const char *type, const char *message,
			struct json_t *members);
void reply_refusal(const struct http_call *call, const struct http_refusal *refusal);
void reply_answer(const struct http_call *call, const struct http_answer *answer);

/* Adds a Link to the next page of what is at `path` and `name`: behind `after`, which is encoded already. */
void reply_next_page(const struct http_call *call, struct arena *arena, const char *path, const char *name,
		     const char *after);

/* The address of the client, or of the proxy before it. */
const char *request_address(const struct http_call *call);

/* A header of the request, or NULL. */
const char *request_header(const struct http_call *call, const char *name);

/* The query of the request as it was sent, or NULL. */
const char *request_query(const struct http_call *call);

/*
 * A parameter as it stands in the query, percent-encoded, in `arena`: "" for `?name` and `?name=`.  NULL:
 * absent.
 */
const char *request_parameter(const struct http_call *call, const char *name, struct arena *arena);

/* Adds a header to the reply, before it is sent. */
void reply_header(const struct http_call *call, const char *name, const char *value);

#endif
