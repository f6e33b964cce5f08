/*
 * GET /admin/live?topics=status,events,dead-letters,jobs&sku=SKU&order=ORDERID&batch=REF&type=EVENT
 *
 * evhttp sends the reply in chunks.  When its client leaves, evhttp takes the connection from the request,
 * which must be ended all the same.
 */
#include "entrypoints/live/serve_live.h"

#include "adapters/system/instants.h"
#include "core/base/container_of.h"
#include "core/base/must.h"
#include "entrypoints/http/http_exchange.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>

/* ---- the connection to a viewer ---- */

struct http_line {
	struct live_line line;
	const struct http_server *server;
	struct evhttp_request *request;
};

static struct http_line *http_line_of(struct live_line *line)
{
	return container_of(line, struct http_line, line);
}

static bool line_is_gone(struct live_line *line)
{
	return !evhttp_request_get_connection(http_line_of(line)->request);
}

static size_t line_unsent(struct live_line *line)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(http_line_of(line)->request);

	if (!connection)
		return 0;
	return evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(connection)));
}

static void line_send(struct live_line *line, const char *text, size_t size)
{
	struct evbuffer *chunk = must(evbuffer_new());

	evbuffer_add(chunk, text, size);
	evhttp_send_reply_chunk(http_line_of(line)->request, chunk);
	evbuffer_free(chunk);
}

static void line_end(struct live_line *line, bool at_once)
{
	struct http_line *http_line = http_line_of(line);

	if (at_once && !line_is_gone(line))
		http_server_cut(http_line->server, http_line->request);
	evhttp_send_reply_end(http_line->request);
	free(http_line);
}

static struct live_line *line_new(const struct http_api *api, struct evhttp_request *request)
{
	static const struct live_line_ops ops = {line_send, line_unsent, line_is_gone, line_end};
	struct http_line *line = must_alloc(sizeof *line);

	*line = (struct http_line){{&ops}, api->server, request};
	return &line->line;
}

/* ---- the query ---- */

/* A name as it is filtered by; NULL in *name when the parameter is absent or empty. */
static bool read_name(const struct http_call *call, const char *parameter, struct arena *arena,
		      const char **name)
{
	const char *encoded = request_parameter(call, parameter, arena);

	*name = encoded && *encoded ? name_decode(encoded, arena) : NULL;
	return *name || !encoded || !*encoded;
}

static bool read_type(const struct http_call *call, struct arena *arena, enum message_type *type)
{
	const char *name = request_parameter(call, "type", arena);

	*type = name && *name ? message_type_named(name) : MSG_NONE;
	return !name || !*name || (*type != MSG_NONE && !message_is_command(*type));
}

const char *live_filter_read(const struct http_call *call, struct arena *arena, struct live_filter *filter)
{
	if (!read_name(call, "sku", arena, &filter->sku) ||
	    !read_name(call, "order", arena, &filter->orderid) ||
	    !read_name(call, "batch", arena, &filter->batchref))
		return "Expected names of 1 to 255 characters of UTF-8, percent-encoded, in sku=, order= and batch=";
	if (!read_type(call, arena, &filter->type))
		return "Expected the name of an event in type=";
	return NULL;
}

static const struct {
	const char *name;
	enum live_topic topic;
} topics_by_name[] = {
	{"status", LIVE_STATUS},
	{"events", LIVE_EVENTS},
	{"dead-letters", LIVE_DEAD_LETTERS},
	{"jobs", LIVE_JOBS},
};

/* 0: there is no such topic. */
static unsigned topic_named(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof topics_by_name / sizeof topics_by_name[0]; i++) {
		if (length == strlen(topics_by_name[i].name) &&
		    strncmp(name, topics_by_name[i].name, length) == 0)
			return topics_by_name[i].topic;
	}
	return 0;
}

static bool read_topics(const struct http_call *call, struct arena *arena, struct live_request *request)
{
	const char *encoded = request_parameter(call, "topics", arena);
	const char *topics = encoded ? name_decode(encoded, arena) : "status,events";

	if (!topics)
		return false;
	for (size_t length; *topics; topics += length + (topics[length] == ',')) {
		length = strcspn(topics, ",");
		if (!topic_named(topics, length))
			return false;
		request->topics |= topic_named(topics, length);
	}
	return request->topics != 0;
}

/* NULL, or what is wrong with it. */
static const char *read_request(const struct http_call *call, struct arena *arena,
				struct live_request *request)
{
	if (!read_topics(call, arena, request))
		return "Expected some of status, events, dead-letters and jobs in topics=, between commas";
	return live_filter_read(call, arena, &request->filter);
}

/* ---- the answer ---- */

static void add_headers(const struct http_call *call)
{
	reply_header(call, "Content-Type", "text/event-stream");
	reply_header(call, "Cache-Control", "no-store");
	reply_header(call, "X-Accel-Buffering", "no"); /* nginx would hold the events back */
}

static void begin(struct http_api *api, const struct http_call *call, const struct live_request *request)
{
	add_headers(call);
	http_statistics_replied(call->route, 200, monotonic_us() - call->began_us);
	if (evhttp_request_get_command(call->request) == EVHTTP_REQ_HEAD) {
		evhttp_send_reply(call->request, 200, http_title(200), NULL);
		return;
	}
	http_server_stream(api->server, call->request);
	evhttp_send_reply_start(call->request, 200, http_title(200));
	live_hub_add(api->services.live, line_new(api, call->request), request);
}

void serve_live(struct http_api *api, const struct http_call *call)
{
	struct arena *arena = arena_new(1024);
	struct live_request request = {
		.withheld = http_shows_payloads(api, call) ? NULL : PAYLOADS_WITHHELD,
		.last_id = request_header(call, "Last-Event-ID"),
	};
	const char *error = read_request(call, arena, &request);

	if (error)
		reply_problem(call, 400, PROBLEM_INVALID, error);
	else if (api->stopping || !api->services.live)
		reply_problem(call, 503, PROBLEM_STOPPING, "allocd is stopping");
	else if (live_hub_statistics(api->services.live)->viewers >= LIVE_VIEWERS_MAX ||
		 !http_server_may_stream(api->server))
		reply_problem(call, 503, PROBLEM_TOO_BUSY,
			      "Too many watch already: close another page, or watch another worker");
	else
		begin(api, call, &request);
	arena_free(&arena);
}
