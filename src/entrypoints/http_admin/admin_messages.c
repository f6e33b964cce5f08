/* Serves what became of a message, and takes commands from operators. */
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"

#include "bus/ports/logger.h"
#include "core/base/calendar.h"
#include "core/base/must.h"
#include "entrypoints/http/command_endpoint.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <jansson.h>
#include <string.h>

/* How `allocd await` says that the id is not known. */
#define UNKNOWN "no outcome yet"

struct looked_up {
	const struct http_api *api;
	const char *name, *id; /* the same, decoded and encoded */
	bool is_withheld;
};

/* What senders sent is also in the events that it caused.  NULL: the output is no JSON. */
static const char *without_events(const struct admin_output *output, struct arena *arena)
{
	json_t *object = json_loadb(output->text, output->size, 0, NULL), *outcome;
	char *text = NULL;
	const char *copy;
	size_t i;

	json_array_foreach(json_object_get(object, "outcomes"), i, outcome)
	{
		json_object_del(outcome, "events");
	}
	if (object)
		text = json_dumps(object, JSON_COMPACT);
	copy = text ? arena_strdup(arena, text) : NULL;
	free(text);
	json_decref(object);
	return copy;
}

/* ---- the instants of its way, which only the worker knows that handled it ---- */

/* 0 us, by the engine's clock: it did without that. */
static json_t *instant_json(const struct http_api *api, int64_t us)
{
	char text[INSTANT_TEXT_SIZE];

	if (!us)
		return json_null();
	instant_format((int64_t)(api->clock_began * 1e6) + us, text);
	return must(json_string(text));
}

static json_t *published_json(const struct message_time *time)
{
	char text[INSTANT_TEXT_SIZE];

	if (time->published_us == NO_INSTANT)
		return json_null();
	instant_format(time->published_us, text);
	return must(json_string(text));
}

static const char *times_text(const struct http_api *api, const char *id, struct arena *arena)
{
	const struct unit_times *unit;
	const struct message_time *time = engine_message_time(api->services.engine, id, &unit);
	const int64_t *ended;
	const char *copy;
	json_t *json;
	char *text;

	if (!time)
		return "null";
	ended = unit->ended_us;
	json = must(json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "way", transport_name(time->transport),
		"published", published_json(time), "received", instant_json(api, time->received_us), "began",
		instant_json(api, unit->began_us), "loaded", instant_json(api, ended[STAGE_LOAD]), "handled",
		instant_json(api, ended[STAGE_HANDLE]), "committed", instant_json(api, ended[STAGE_FLUSH]),
		"unit_messages", (json_int_t)unit->messages));
	text = must(json_dumps(json, JSON_COMPACT));
	copy = arena_strdup(arena, text);
	free(text);
	json_decref(json);
	return copy;
}

/* The output is an object, to which the instants and the place of the dead letters are added. */
static void reply_message(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	const struct looked_up *asked = context;
	const struct child_end *end = &result->end;
	struct arena *arena = arena_new(4096);
	const char *text = NULL;

	if (end->cut == CHILD_ENDED_ITSELF && output->lines == 1)
		text = asked->is_withheld ? without_events(output, arena)
					  : arena_text(arena, output->text, output->size);
	if (text)
		reply_json_text(
			call,
			arena_printf(
				arena,
				"%.*s,\"times\":%s,\"dead_letters\":\"/admin/dead-letters?message-id=%s\"}",
				(int)strlen(text) - 1, text, times_text(asked->api, asked->name, arena),
				asked->id));
	else if (end->cut == CHILD_ENDED_ITSELF && end->status == STATUS_TRY_AGAIN &&
		 strstr(end->error, UNKNOWN))
		reply_not_found(call, end->error);
	else
		admin_reply_failure(call, end);
	arena_free(&arena);
}

void serve_message(struct http_api *api, const struct http_call *call, const char *id)
{
	struct exchange *exchange = read_begin(api, call, "the id of a message", id);
	struct looked_up *asked;

	if (!exchange)
		return;
	asked = arena_alloc(exchange->arena, sizeof *asked);
	*asked = (struct looked_up){
		api, exchange->name,
		arena_strdup(exchange->arena, name_encode(exchange->name, exchange->arena)),
		!http_shows_payloads(api, call)};
	admin_read(exchange,
		   (const char *const[]){"await", "--json", "--timeout=0", "--log-level=error", "--",
					 exchange->name, NULL},
		   reply_message, asked);
}

/* Only the log says who sent a command. */
void serve_admin_command(struct http_api *api, const struct http_call *call, const char *name)
{
	enum message_type type = message_type_named(name);
	struct arena *arena = arena_new(256);
	const char *who = admin_operator_of(call, arena);

	if (type == MSG_NONE || !command_endpoints[type].path) {
		reply_not_found(call, "There is no such command: see allocd schema");
	} else if (!who) {
		reply_problem(call, 400, PROBLEM_INVALID, OPERATOR_EXPECTED);
	} else {
		LOG(api->admin->logger, LOG_INFO, "an operator sent a command", LOG_TEXT("message", name),
		    LOG_TEXT("who", who));
		serve_command(api, call, type);
	}
	arena_free(&arena);
}
