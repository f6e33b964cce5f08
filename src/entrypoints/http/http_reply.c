/* Sends replies. */
#include "entrypoints/http/http_reply.h"

#include "core/base/must.h"

#include <event2/buffer.h>
#include <string.h>

/* Retry-After of a 503: a short wait, because how long the trouble will last is unknown. */
#define RETRY_AFTER_S "2"

void reply_header(struct evhttp_request *request, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

void reply_next_page(struct evhttp_request *request, struct arena *arena, const char *path, const char *name,
		     const char *after)
{
	reply_header(
		request, "Link",
		arena_printf(arena, "<%s%s?after=%s>; rel=\"next\"", path, name_encode(name, arena), after));
}

void reply_text(struct evhttp_request *request, struct http_replies *replies, int status, const char *type,
		const char *body, size_t size)
{
	struct evbuffer *buffer = must(evbuffer_new());
	char length[24];

	replies->by_class[status / 100]++;
	snprintf(length, sizeof length, "%zu", size);
	reply_header(request, "Content-Type", type);
	reply_header(request, "Content-Length", length);
	if (!evhttp_find_header(evhttp_request_get_output_headers(request), "Cache-Control"))
		reply_header(request, "Cache-Control", "no-store");
	if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		evbuffer_add(buffer, body, size);
	evhttp_send_reply(request, status, http_title(status), buffer);
	evbuffer_free(buffer);
}

void reply_not_modified(struct evhttp_request *request, struct http_replies *replies)
{
	replies->by_class[3]++;
	evhttp_send_reply(request, 304, "Not Modified", NULL);
}

void reply_problem(struct evhttp_request *request, struct http_replies *replies, int status, const char *type,
		   const char *message)
{
	reply_problem_with(request, replies, status, type, message, NULL, NULL);
}

void reply_refusal(struct evhttp_request *request, struct http_replies *replies,
		   const struct http_refusal *refusal)
{
	if (refusal->status == 401)
		reply_header(request, "WWW-Authenticate", "Bearer");
	reply_problem(request, replies, refusal->status, refusal->type, refusal->message);
}

void reply_problem_with(struct evhttp_request *request, struct http_replies *replies, int status,
			const char *type, const char *message, const char *since, struct json_t *troubles)
{
	char *body = problem_json(status, type, message, since, troubles);

	if (status == 503)
		reply_header(request, "Retry-After", RETRY_AFTER_S);
	reply_text(request, replies, status, "application/problem+json", body, strlen(body));
	free(body);
}

void reply_answer(struct evhttp_request *request, struct http_replies *replies,
		  const struct http_answer *answer)
{
	if (answer->location)
		reply_header(request, "Location", answer->location);
	if (answer->status < 300)
		reply_text(request, replies, answer->status, "text/plain; charset=utf-8", answer->message,
			   strlen(answer->message));
	else
		reply_problem(request, replies, answer->status, answer->type, answer->message);
}
