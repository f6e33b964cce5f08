/* Sends replies. */
#include "entrypoints/http/http_reply.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/http_server/http_server.h"

#include <event2/buffer.h>
#include <string.h>

/* Retry-After of a 503: a short wait, because how long the trouble will last is unknown. */
#define RETRY_AFTER_S "2"

const char *request_address(const struct http_call *call)
{
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(call->request), &address, &port);
	return address ? address : "unknown";
}

const char *request_header(const struct http_call *call, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(call->request), name);
}

const char *request_query(const struct http_call *call)
{
	return evhttp_uri_get_query(evhttp_request_get_evhttp_uri(call->request));
}

/* The parser of libevent refuses a query with a parameter that has no value, such as ?full. */
const char *request_parameter(const struct http_call *call, const char *name, struct arena *arena)
{
	size_t length = strlen(name), size;

	for (const char *at = request_query(call); at; at = at[size] ? at + size + 1 : NULL) {
		size = strcspn(at, "&");
		if (strncmp(at, name, length) != 0 || !strchr("=&", at[length]))
			continue;
		if (size == length)
			return "";
		return plus_to_blank(arena_text(arena, at + length + 1, size - length - 1));
	}
	return NULL;
}

void reply_header(const struct http_call *call, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(call->request), name, value);
}

void reply_next_page(const struct http_call *call, struct arena *arena, const char *path, const char *name,
		     const char *after)
{
	reply_header(
		call, "Link",
		arena_printf(arena, "<%s%s?after=%s>; rel=\"next\"", path, name_encode(name, arena), after));
}

void reply_text(const struct http_call *call, int status, const char *type, const char *body, size_t size)
{
	struct evbuffer *buffer = must(evbuffer_new());
	char length[24];

	http_statistics_replied(call->route, status, monotonic_us() - call->began_us);
	snprintf(length, sizeof length, "%zu", size);
	reply_header(call, "Content-Type", type);
	reply_header(call, "Content-Length", length);
	if (!evhttp_find_header(evhttp_request_get_output_headers(call->request), "Cache-Control"))
		reply_header(call, "Cache-Control", "no-store");
	if (evhttp_request_get_command(call->request) != EVHTTP_REQ_HEAD)
		evbuffer_add(buffer, body, size);
	http_server_reply(call->request, status, http_title(status), buffer);
	evbuffer_free(buffer);
}

void reply_not_modified(const struct http_call *call)
{
	http_statistics_replied(call->route, 304, monotonic_us() - call->began_us);
	evhttp_send_reply(call->request, 304, http_title(304), NULL);
}

void reply_problem(const struct http_call *call, int status, const char *type, const char *message)
{
	reply_problem_with(call, status, type, message, NULL);
}

void reply_refusal(const struct http_call *call, const struct http_refusal *refusal)
{
	if (refusal->status == 401)
		reply_header(call, "WWW-Authenticate", "Bearer");
	reply_problem(call, refusal->status, refusal->type, refusal->message);
}

void reply_problem_with(const struct http_call *call, int status, const char *type, const char *message,
			struct json_t *members)
{
	char *body = problem_json(status, type, message, members);

	if (status == 503)
		reply_header(call, "Retry-After", RETRY_AFTER_S);
	reply_text(call, status, "application/problem+json", body, strlen(body));
	free(body);
}

void reply_answer(const struct http_call *call, const struct http_answer *answer)
{
	if (answer->location)
		reply_header(call, "Location", answer->location);
	if (answer->status < 300)
		reply_text(call, answer->status, "text/plain; charset=utf-8", answer->message,
			   strlen(answer->message));
	else
		reply_problem(call, answer->status, answer->type, answer->message);
}
