/* `POST /admin/reset`, at an address of its own. */
#include "entrypoints/dev/dev_endpoint.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/http/http_reply.h"
#include "entrypoints/http_server/http_gate.h"
#include "entrypoints/http_server/http_server.h"

#include <string.h>

struct dev_endpoint {
	struct http_server *server;
	struct http_route_statistics statistics; /* required by the replies; not shown */
	dev_endpoint_reset *reset;
	void *context;
};

/* A page of another origin must not reset anything. */
static const struct http_refusal *refusal_of(const struct dev_endpoint *endpoint,
					     const struct http_call *call)
{
	static const struct http_gate gate = {.is_loopback = true};
	const struct http_caller caller = {
		.host = request_header(call, "Host"),
		.origin = request_header(call, "Origin"),
		.fetch_site = request_header(call, "Sec-Fetch-Site"),
		.changes = true,
		.is_admin = true,
	};
	const struct http_refusal *refusal = http_server_refusal(endpoint->server, call->request);

	if (!refusal)
		refusal = http_gate_check_host(&gate, caller.host);
	return refusal ? refusal : http_gate_check(&gate, &caller);
}

static void serve_reset(struct dev_endpoint *endpoint, const struct http_call *call)
{
	struct arena *arena = arena_new(1024);
	const char *error = NULL;

	if (endpoint->reset(endpoint->context, arena, &error))
		reply_text(call, 200, "text/plain; charset=utf-8", "OK\n", strlen("OK\n"));
	else
		reply_problem(call, 500, PROBLEM_FAILED, error);
	arena_free(&arena);
}

static void on_request(struct evhttp_request *request, void *context)
{
	struct dev_endpoint *endpoint = context;
	const struct http_call call = {request, &endpoint->statistics, monotonic_us(), false};
	const struct http_refusal *refusal = refusal_of(endpoint, &call);
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));

	if (refusal) {
		reply_refusal(&call, refusal);
	} else if (strcmp(path, "/admin/reset") != 0) {
		reply_problem(&call, 404, PROBLEM_NOT_FOUND, "Expected POST /admin/reset");
	} else if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
		reply_header(&call, "Allow", "POST");
		reply_problem(&call, 405, PROBLEM_METHOD, "Expected POST");
	} else {
		serve_reset(endpoint, &call);
	}
}

struct dev_endpoint *dev_endpoint_new(struct event_base *base, struct logger *logger,
				      dev_endpoint_reset *reset, void *context)
{
	struct dev_endpoint *endpoint = must_alloc(sizeof *endpoint);
	const struct http_server_config config = {
		.address = {.host = "127.0.0.1"}, .connections_max = HTTP_CONNECTIONS_MIN, .logger = logger};
	struct arena *arena = arena_new(256);
	const char *error;
	bool in_use;

	endpoint->reset = reset;
	endpoint->context = context;
	endpoint->server = http_server_new(base, &config, on_request, endpoint, arena, &error, &in_use);
	if (!endpoint->server) {
		print_error("cannot listen for resets: %s", error);
		free(endpoint);
		endpoint = NULL;
	}
	arena_free(&arena);
	return endpoint;
}

void dev_endpoint_free(struct dev_endpoint **place)
{
	struct dev_endpoint *endpoint = *place;

	if (!endpoint)
		return;
	http_server_free(&endpoint->server);
	free(endpoint);
	*place = NULL;
}

uint16_t dev_endpoint_port(const struct dev_endpoint *endpoint)
{
	return http_server_port(endpoint->server);
}
