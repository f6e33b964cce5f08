/* Routes each request to the function that serves it, and starts and stops the API. */
#include "entrypoints/http/http_exchange.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/http/command_endpoint.h"
#include "entrypoints/http_reads/http_reads.h"
#include "entrypoints/live/serve_live.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

typedef void serve_named(struct http_api *api, const struct http_call *call, const char *name);
typedef void serve_plain(struct http_api *api, const struct http_call *call);

/* Exactly one of `command`, `named` and `plain` is set. */
struct http_route {
	const char *path;     /* with `named`: what precedes the name */
	const char *template; /* with `named`: the path with the kind of its name, for the metrics */
	size_t index; /* of its statistics: 0 has what no route serves, then come commands and `routes` */
	enum message_type command;
	serve_named *named;
	serve_plain *plain;
	unsigned methods; /* besides GET and HEAD */
	bool is_change;   /* POST, under /admin */
	bool waits;   /* for a service: refused before that is started, and while too many requests wait */
	bool is_open; /* a probe of an orchestrator or a monitor, or the bare page: no token is needed */
};

#define CHANGE .is_change = true, .waits = true

/* Each one is also in schemas/generate/http_routes.py, with its parameters and answers. */
static const struct http_route routes[] = {
	{.path = "/allocations/",
	 .template = "/allocations/{orderid}",
	 .named = serve_allocations,
	 .waits = true},
	{.path = "/products/", .template = "/products/{sku}", .named = serve_product, .waits = true},
	{.path = "/batches/", .template = "/batches/{batchref}", .named = serve_batch, .waits = true},
	{.path = "/events/", .template = "/events/{sku}", .named = serve_events, .waits = true},
	{.path = "/livez", .plain = serve_liveness, .is_open = true},
	{.path = "/readyz", .plain = serve_readiness, .is_open = true},
	{.path = "/metrics", .plain = serve_metrics, .is_open = true},
	{.path = "/", .plain = serve_page, .is_open = true},
	{.path = "/assets/", .template = "/assets/{file}", .named = serve_asset, .is_open = true},
	{.path = "/asyncapi.json", .plain = serve_specification},
	{.path = "/openapi.json", .plain = serve_specification},
	{.path = "/schemas/", .template = "/schemas/{name}.json", .named = serve_schema},
	{.path = "/admin/status", .plain = serve_status},
	{.path = "/admin/series", .plain = serve_series},
	{.path = "/admin/live", .plain = serve_live, .waits = true},
	{.path = "/admin/events", .plain = serve_past_events, .waits = true},
	{.path = "/admin/blind-windows", .plain = serve_gaps, .waits = true},
	{.path = "/admin/republish", .plain = serve_republish, CHANGE},
	{.path = "/admin/dead-letters", .plain = serve_letters, .waits = true},
	{.path = "/admin/dead-letters/groups", .plain = serve_letter_groups, .waits = true},
	{.path = "/admin/dead-letters/export", .plain = serve_letter_export, .waits = true},
	{.path = "/admin/dead-letters/discards", .plain = serve_discards, CHANGE},
	{.path = "/admin/dead-letters/restores", .plain = serve_restores, CHANGE},
	{.path = "/admin/dead-letters/rehearsals", .plain = serve_rehearsals, CHANGE},
	{.path = "/admin/dead-letters/replays", .plain = serve_replays, CHANGE},
	{.path = "/admin/commands/",
	 .template = "/admin/commands/{name}",
	 .named = serve_admin_command,
	 CHANGE},
	{.path = "/admin/messages/",
	 .template = "/admin/messages/{id}",
	 .named = serve_message,
	 .waits = true},
	{.path = "/admin/jobs", .plain = serve_jobs, .waits = true},
	{.path = "/admin/jobs/",
	 .template = "/admin/jobs/{id}",
	 .named = serve_job,
	 .methods = EVHTTP_REQ_DELETE,
	 .waits = true},
	{.path = "/admin/dead-letters/",
	 .template = "/admin/dead-letters/{id}",
	 .named = serve_letter,
	 .waits = true},
};

#define ROUTES (sizeof routes / sizeof routes[0])

_Static_assert(1 + COMMAND_TYPES + ROUTES <= HTTP_ROUTES_MAX, "more routes than can be counted");

static void set_up_statistics(struct http_statistics *statistics)
{
	http_statistics_add(statistics, "other");
	for (size_t i = 0; i < COMMAND_TYPES; i++)
		http_statistics_add(statistics, command_endpoints[command_types[i]].path);
	for (size_t i = 0; i < ROUTES; i++)
		http_statistics_add(statistics, routes[i].template ? routes[i].template : routes[i].path);
}

static bool find_command(const char *path, struct http_route *route)
{
	for (size_t i = 0; i < COMMAND_TYPES; i++) {
		const char *of_command = command_endpoints[command_types[i]].path;

		if (strcmp(path, of_command))
			continue;
		*route = (struct http_route){
			.path = of_command, .index = 1 + i, .command = command_types[i], .waits = true};
		return true;
	}
	return false;
}

static bool find_route(const char *path, struct http_route *route)
{
	for (size_t i = 0; i < ROUTES; i++) {
		size_t length = strlen(routes[i].path);

		if (routes[i].named ? strncmp(path, routes[i].path, length) || !path[length]
				    : strcmp(path, routes[i].path))
			continue;
		*route = routes[i];
		route->index = 1 + COMMAND_TYPES + i;
		return true;
	}
	return false;
}

/* True when the route accepts the method; otherwise the request is answered 405. */
static bool check_method(const struct http_call *call, const struct http_route *route)
{
	unsigned method = (unsigned)evhttp_request_get_command(call->request);
	bool is_post = route->command != MSG_NONE || route->is_change,
	     has_delete = route->methods & EVHTTP_REQ_DELETE;
	unsigned methods = is_post ? EVHTTP_REQ_POST : EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | route->methods;

	if (method & methods)
		return true;
	reply_header(call, "Allow", is_post ? "POST" : has_delete ? "GET, HEAD, DELETE" : "GET, HEAD");
	reply_problem(call, 405, PROBLEM_METHOD,
		      is_post      ? "Expected POST"
		      : has_delete ? "Expected GET or DELETE"
				   : "Expected GET");
	return false;
}

/* True when the services for the route are started and have room; otherwise the request is answered 503. */
static bool check_services(struct http_api *api, const struct http_call *call, const struct http_route *route)
{
	bool is_command = route->command != MSG_NONE || route->is_change;

	if (!api->is_started && route->waits)
		reply_problem(call, 503, PROBLEM_STARTING,
			      is_command ? "Not done: allocd is starting; retry with the same id"
					 : "allocd is starting; retry later");
	else if (route->waits && http_server_is_busy(api->server) && !exchange_make_room(api))
		reply_problem(call, 503, PROBLEM_TOO_BUSY,
			      is_command ? "Not done: too many requests wait; retry with the same id"
					 : "Too many requests wait; retry later");
	else
		return true;
	return false;
}

static bool is_admin(const struct http_route *route)
{
	return route && !strncmp(route->path, "/admin/", strlen("/admin/"));
}

/* Whether the request changes something under /admin. */
static bool is_admin_change(const struct http_call *call, const struct http_route *route)
{
	unsigned method = (unsigned)evhttp_request_get_command(call->request);

	return is_admin(route) && (route->is_change ? method == EVHTTP_REQ_POST : method & route->methods);
}

static const struct http_refusal *pass_gate(const struct http_api *api, const struct http_call *call,
					    const struct http_route *route)
{
	return http_gate_check(&api->gate, &(struct http_caller){
						   .host = request_header(call, "Host"),
						   .origin = request_header(call, "Origin"),
						   .fetch_site = request_header(call, "Sec-Fetch-Site"),
						   .authorization = request_header(call, "Authorization"),
						   .changes = (route && route->command != MSG_NONE) ||
							      is_admin_change(call, route),
						   .is_admitted = call->has_admin_token,
						   .is_admin = is_admin(route),
					   });
}

/*
 * Checks the admin token of a request under /admin, where it stands for the other one, too.  A change needs
 * it; a read only must not carry a wrong one.  No token counts that a page sent under another host name.
 */
static const struct http_refusal *check_admin(struct http_api *api, struct http_call *call,
					      const struct http_route *route)
{
	enum admin_verdict verdict = ADMIN_TOKEN_OFF;
	const struct http_refusal *refusal = http_gate_check_host(&api->gate, request_header(call, "Host"));
	bool is_change = is_admin_change(call, route),
	     has_body = evhttp_request_get_command(call->request) == EVHTTP_REQ_POST;
	int retry_after_s = 0;
	char seconds[16];

	if (refusal)
		return refusal;
	if (api->admin &&
	    (is_change || !http_gate_has_token(&api->gate, request_header(call, "Authorization"))))
		verdict = http_admin_check(api->admin, call, &retry_after_s);
	call->has_admin_token = verdict == ADMIN_TOKEN_RIGHT;
	if (verdict == ADMIN_TOKEN_LIMITED) {
		snprintf(seconds, sizeof seconds, "%d", retry_after_s);
		reply_header(call, "Retry-After", seconds);
	}
	refusal = pass_gate(api, call, route);
	return refusal ? refusal
		       : http_admin_refusal(verdict, is_change,
					    has_body ? request_header(call, "Content-Type")
						     : "application/json");
}

/* NULL when the request may be served, or be answered 404. */
static const struct http_refusal *refusal_of(struct http_api *api, struct http_call *call,
					     const struct http_route *route)
{
	const struct http_refusal *refusal = http_server_refusal(api->server, call->request);

	if (refusal || (route && route->is_open))
		return refusal;
	return is_admin(route) ? check_admin(api, call, route) : pass_gate(api, call, route);
}

static void on_request(struct evhttp_request *request, void *context)
{
	struct http_api *api = context;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	struct http_route found;
	bool is_found = path && (find_command(path, &found) || find_route(path, &found));
	const struct http_route *route = is_found ? &found : NULL;
	struct http_call call = {request, &api->statistics.routes[route ? route->index : 0], monotonic_us(),
				 false};
	const struct http_refusal *refusal = refusal_of(api, &call, route);

	if (refusal)
		reply_refusal(&call, refusal);
	else if (!route)
		reply_problem(&call, 404, PROBLEM_NOT_FOUND, "There is nothing at this path");
	else if (!check_method(&call, route) || !check_services(api, &call, route))
		return;
	else if (route->named)
		route->named(api, &call, path + strlen(route->path));
	else if (route->plain)
		route->plain(api, &call);
	else
		serve_command(api, &call, route->command);
}

/*
 * Adds the names that requests may carry besides those of the settings: the host of the address, and the
 * name of the machine.
 */
static void set_up_gate(struct http_api *api, const struct http_server_config *config,
			const struct http_gate *gate)
{
	api->gate = *gate;
	api->gate.is_loopback = http_server_is_loopback(api->server);
	api->gate.listens_at = config->address.host;
	if (gethostname(api->machine, sizeof api->machine - 1) == 0)
		api->gate.machine = api->machine;
}

struct http_api *http_api_new(struct event_base *base, const struct http_server_config *config,
			      const struct http_gate *gate, struct sampler *sampler, int deadline_ms,
			      struct arena *arena, const char **error, bool *in_use)
{
	struct http_api *api = must_alloc(sizeof *api);

	*api = (struct http_api){.base = base,
				 .sampler = sampler,
				 .deadline_ms = deadline_ms,
				 .started_at = time(NULL),
				 .clock_began = (double)(wall_clock_us() - monotonic_us()) / 1e6};
	api->server = http_server_new(base, config, on_request, api, arena, error, in_use);
	if (!api->server) {
		free(api);
		return NULL;
	}
	set_up_gate(api, config, gate);
	set_up_statistics(&api->statistics);
	return api;
}

void http_api_add_admin(struct http_api *api, const struct http_admin_config *config)
{
	api->admin = http_admin_new(api->base, config);
	sampler_allow_admin_writes(api->sampler, http_admin_writes(api->admin));
}

bool http_shows_payloads(const struct http_api *api, const struct http_call *call)
{
	return call->has_admin_token || !http_gate_is_shut(&api->gate);
}

bool http_api_is_shut(const struct http_api *api)
{
	return http_gate_is_shut(&api->gate);
}

void http_api_start(struct http_api *api, const struct http_services *services)
{
	api->services = *services;
	api->is_started = true;
	if (services->live && api->admin)
		live_hub_show_jobs(services->live, http_admin_jobs(api->admin));
}

uint16_t http_api_port(const struct http_api *api)
{
	return http_server_port(api->server);
}

void http_api_stop(struct http_api *api)
{
	api->stopping = true;
	if (api->services.live)
		live_hub_stop(api->services.live);
	if (api->admin)
		http_admin_stop(api->admin);
}

size_t http_api_children(const struct http_api *api)
{
	return api->admin ? http_admin_running(api->admin) : 0;
}

size_t http_api_unanswered(const struct http_api *api)
{
	return api->waiting + http_server_unsent(api->server);
}

void http_api_free(struct http_api **place)
{
	struct http_api *api = *place;

	if (!api)
		return;
	http_admin_free(&api->admin);
	while (api->exchanges)
		exchange_free(api->exchanges);
	http_server_free(&api->server);
	free(api);
	*place = NULL;
}
