/* A request over HTTP, in an event loop of its own. */
#include "entrypoints/status_command/http_client.h"

#include "core/base/must.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_S 5

struct call {
	struct event_base *base;
	struct http_reply reply;
};

static void on_answered(struct evhttp_request *request, void *context)
{
	struct call *call = context;
	struct evbuffer *body = request ? evhttp_request_get_input_buffer(request) : NULL;

	event_base_loopexit(call->base, NULL);
	if (!body || evbuffer_add(body, "", 1) != 0)
		return;
	call->reply.status = evhttp_request_get_response_code(request);
	call->reply.body = must(strdup((const char *)evbuffer_pullup(body, -1)));
}

static void add_header(struct evhttp_request *request, const char *name, const char *before,
		       const char *value, const char *after)
{
	size_t size = strlen(before) + strlen(value) + strlen(after) + 1;
	char *text = must_alloc(size);

	snprintf(text, size, "%s%s%s", before, value, after);
	evhttp_add_header(evhttp_request_get_output_headers(request), name, text);
	free(text);
}

struct http_reply http_client_get(const struct listen_address *address, const char *path, const char *token)
{
	struct call call = {.base = must(event_base_new())};
	struct evhttp_connection *connection =
		must(evhttp_connection_base_new(call.base, NULL, address->host, address->port));
	struct evhttp_request *request = must(evhttp_request_new(on_answered, &call));
	bool is_ipv6 = strchr(address->host, ':');

	add_header(request, "Host", is_ipv6 ? "[" : "", address->host, is_ipv6 ? "]" : "");
	if (token && *token)
		add_header(request, "Authorization", "Bearer ", token, "");
	evhttp_connection_set_timeout(connection, ANSWER_S);
	if (evhttp_make_request(connection, request, EVHTTP_REQ_GET, path) == 0)
		event_base_dispatch(call.base);
	evhttp_connection_free(connection);
	event_base_free(call.base);
	return call.reply;
}
