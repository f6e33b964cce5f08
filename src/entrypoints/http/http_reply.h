/* Sends replies, with their headers and bodies, and counts them by status. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_REPLY_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_REPLY_H

#include "entrypoints/http/http_answer.h"
#include "entrypoints/http_server/http_head.h"

#include <event2/http.h>

struct json_t;

/* Replies by the hundreds of their status: [2] counts 2xx. */
struct http_replies {
	uint64_t by_class[6];
};

/*
 * Each of these ends the request, which the caller must not use again.  A HEAD gets only the headers.  Nothing
 * is to be stored, unless the reply has a Cache-Control.
 */
void reply_text(struct evhttp_request *request, struct http_replies *replies, int status, const char *type,
		const char *body, size_t size);
void reply_not_modified(struct evhttp_request *request, struct http_replies *replies);
void reply_problem(struct evhttp_request *request, struct http_replies *replies, int status, const char *type,
		   const char *message);

/* The same with the members `since` and `troubles`, whose reference it takes. */
void reply_problem_with(struct evhttp_request *request, struct http_replies *replies, int status,
			const char *type, const char *message, const char *since, struct json_t *troubles);
void reply_refusal(struct evhttp_request *request, struct http_replies *replies,
		   const struct http_refusal *refusal);
void reply_answer(struct evhttp_request *request, struct http_replies *replies,
		  const struct http_answer *answer);

/* Adds a Link to the next page of what is at `path` and `name`: behind `after`, which is encoded already. */
void reply_next_page(struct evhttp_request *request, struct arena *arena, const char *path, const char *name,
		     const char *after);

/* Adds a header to the reply, before it is sent. */
void reply_header(struct evhttp_request *request, const char *name, const char *value);

#endif
