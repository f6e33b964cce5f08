/* `allocd status`: what the worker at ALLOCD_HTTP does, and what is wrong. */
#include "adapters/postgres/tools/outbox_tools.h"
#include "adapters/system/instants.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/status_command/http_client.h"
#include "entrypoints/status_command/status_print.h"

#include "core/base/must.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEAR_SCREEN "\033[H\033[2J"

/* How the status is printed. */
struct view {
	const struct invocation *invocation;
	bool as_json, in_one_line, is_watched;
};

/* ---- a worker that answers ---- */

static enum exit_status print_status(const struct view *view, const char *body)
{
	json_t *status = json_loads(body, 0, NULL);
	enum exit_status result;

	if (!json_string_value(json_object_get(status, "state"))) {
		json_decref(status);
		print_error("status: the worker's answer cannot be read");
		return STATUS_UNAVAILABLE;
	}
	result = status_exit(status);
	if (view->as_json) {
		json_line_print(json_incref(status), stdout);
	} else if (view->in_one_line || (view->is_watched && !isatty(STDOUT_FILENO))) {
		status_print_line(status, stdout);
	} else {
		if (view->is_watched)
			fputs(CLEAR_SCREEN, stdout);
		status_print(status, wall_clock_us(), stdout);
	}
	json_decref(status);
	return result;
}

/* ---- no worker answers ---- */

/* The tools report on standard error why they cannot be used. */
static json_t *look_at_database(const struct invocation *invocation)
{
	struct tools *tools = tools_new(invocation);
	struct unfinished_work work = {.unpublished = -1};
	bool is_up = tools_open_database(tools) &&
		     (postgres_find_unfinished(tools_client(tools), &work) || tools_report_database(tools));

	tools_free(&tools);
	return must(json_pack("{s:b, s:o}", "is_up", is_up, "unpublished",
			      is_up ? json_integer(work.unpublished) : json_null()));
}

static json_t *look_at_redis(const struct invocation *invocation)
{
	struct tools *tools = tools_new(invocation);
	bool is_up = tools_open_redis(tools);

	tools_free(&tools);
	return must(json_pack("{s:b}", "is_up", is_up));
}

static void look_at_services(const struct view *view)
{
	json_t *postgres = look_at_database(view->invocation), *redis = look_at_redis(view->invocation);
	json_int_t unpublished = json_integer_value(json_object_get(postgres, "unpublished"));
	bool redis_is_up = json_is_true(json_object_get(redis, "is_up"));

	if (view->as_json) {
		json_line_print(must(json_pack("{s:s, s:O, s:O}", "state", "no_answer", "postgres", postgres,
					       "redis", redis)),
				stdout);
	} else if (json_is_true(json_object_get(postgres, "is_up"))) {
		printf("  postgres  up, %" JSON_INTEGER_FORMAT " commits to publish\n", unpublished);
	} else {
		puts("  postgres  DOWN");
	}
	if (!view->as_json)
		printf("  redis     %s\n", redis_is_up ? "up" : "DOWN");
	json_decref(postgres);
	json_decref(redis);
}

static enum exit_status report_silence(const struct view *view, const struct http_reply *reply)
{
	const struct listen_address *http = &view->invocation->config.http;

	if (reply->status == 401) {
		print_error("status: the worker at %s:%u asks for a token: set ALLOCD_HTTP_TOKEN", http->host,
			    http->port);
		return STATUS_CONFIGURATION;
	}
	if (!http->host)
		print_error("status: HTTP is off, so no worker can be asked");
	else if (reply->status)
		print_error("status: %s:%u answers %d: no worker, or one of an older program", http->host,
			    http->port, reply->status);
	else
		print_error("status: no worker answers at %s:%u", http->host, http->port);
	if (view->in_one_line)
		puts("no answer");
	else
		look_at_services(view);
	return STATUS_UNAVAILABLE;
}

/* ---- the command ---- */

static enum exit_status look(const struct view *view)
{
	const struct config *config = &view->invocation->config;
	struct http_reply reply = {0};
	enum exit_status result;

	if (config->http.host)
		reply = http_client_get(&config->http, "/admin/status", config->http_token);
	result = reply.status == 200 ? print_status(view, reply.body) : report_silence(view, &reply);
	free(reply.body);
	return result;
}

/* Runs until a signal ends it, or its output is closed. */
static enum exit_status watch(const struct view *view, int64_t pause_ms)
{
	enum exit_status result;

	do {
		result = look(view);
		if (fflush(stdout) != 0)
			break;
	} while (usleep((useconds_t)(1000 * pause_ms)) == 0);
	return result;
}

enum exit_status command_status(const struct invocation *invocation)
{
	const struct view view = {
		.invocation = invocation,
		.as_json = invocation_flag(invocation, "json"),
		.in_one_line = invocation_flag(invocation, "check"),
		.is_watched = invocation_flag(invocation, "watch"),
	};
	int64_t pause_ms = 1000;

	if (invocation->argument_count &&
	    (!view.is_watched || !text_to_ms(invocation->arguments[0], &pause_ms) || pause_ms < 100 ||
	     pause_ms > 900000)) {
		print_error("status: expected --watch and a number of seconds from 0.1 to 900");
		return STATUS_USAGE;
	}
	return view.is_watched ? watch(&view, pause_ms) : look(&view);
}
