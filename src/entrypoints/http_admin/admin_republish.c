/* Serves POST /admin/republish: a job that publishes the events of a SKU again. */
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define BEGIN_MS 10000

static const struct http_refusal late = {
	503, PROBLEM_LATE, "Perhaps begun: the events are still being counted; see /admin/jobs"};

static const struct command_option members[] = {
	{.name = "sku", .kind = OPTION_TEXT},
	{.name = "from-version", .kind = OPTION_COUNT},
	{.name = "channel", .kind = OPTION_TEXT},
	{0},
};

static bool add_text(struct admin_arguments *arguments, const char *name, json_t *value)
{
	const char *text = json_string_value(value);

	return text && *text ? admin_arguments_add(arguments, members, "", name, text)
			     : admin_arguments_refuse(arguments, "%s: expected a name", name);
}

static bool add_version(struct admin_arguments *arguments, json_t *value)
{
	int64_t version = json_integer_value(value);

	return version > 0
		       ? admin_arguments_add(arguments, members, "", "from-version",
					     arena_printf(arguments->arena, "%" PRId64, version))
		       : admin_arguments_refuse(arguments, "from_version: expected a whole number from 1 on");
}

static bool read_members(struct admin_arguments *arguments, json_t *body)
{
	const char *name;
	json_t *value;

	json_object_foreach(body, name, value)
	{
		if (strcmp(name, "sku") != 0 && strcmp(name, "from_version") != 0 &&
		    strcmp(name, "channel") != 0)
			return admin_arguments_refuse(
				arguments, "%.64s: unknown; expected one of sku, from_version, channel",
				name);
	}
	return add_text(arguments, "sku", json_object_get(body, "sku")) &&
	       add_version(arguments, json_object_get(body, "from_version")) &&
	       (!json_object_get(body, "channel") ||
		add_text(arguments, "channel", json_object_get(body, "channel")));
}

static bool read_body(struct admin_arguments *arguments, const struct http_call *call)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(call->request);
	size_t size = evbuffer_get_length(buffer);
	json_t *body =
		json_loadb((const char *)evbuffer_pullup(buffer, -1), size, JSON_REJECT_DUPLICATES, NULL);
	bool is_read = json_is_object(body) ? read_members(arguments, body)
					    : admin_arguments_refuse(arguments, "Expected a JSON object");

	json_decref(body);
	return is_read;
}

/* STATUS_FAILED: there is no such SKU, or not all of its events from that version on are kept. */
static void on_begun(void *context, const struct job *job, json_t *line, const struct child_end *end)
{
	struct exchange *exchange = context;
	const struct http_call *call = exchange_detach(exchange);

	(void)line;
	if (call && end && end->cut == CHILD_ENDED_ITSELF && end->status == STATUS_FAILED)
		reply_not_found(call, end->error);
	else if (call && end)
		admin_reply_failed_change(call, end, NULL);
	else if (call)
		admin_reply_begun(exchange->api, call, job);
	exchange_free(exchange);
}

static void start(struct exchange *exchange, struct admin_arguments *arguments, const char *who)
{
	const struct job_call call = {
		.kind = "republication",
		.who = who,
		.hides_arguments = true,
		.fails_as_a_whole = true,
		.arguments = admin_arguments_words(arguments,
						   (const char *const[]){"republish", "--json", "--progress",
									 "--log-level=error", NULL}),
		.begun = on_begun,
		.begun_context = exchange,
	};
	struct http_admin *admin = exchange->api->admin;

	if (admin->is_stopping || !job_start(admin->jobs, &call))
		admin_reply_busy(exchange);
}

void serve_republish(struct http_api *api, const struct http_call *call)
{
	struct exchange *exchange = exchange_new_for(api, call, &late, BEGIN_MS);
	struct admin_arguments arguments = {.arena = exchange->arena};
	const char *who = admin_operator_of(call, exchange->arena);

	if (!who)
		exchange_refuse(exchange, OPERATOR_EXPECTED);
	else if (!read_body(&arguments, call))
		exchange_refuse(exchange, arguments.error);
	else
		start(exchange, &arguments, who);
}
