/* Serves what became of a message, and takes commands from operators. */
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"

#include "bus/ports/logger.h"
#include "entrypoints/http/command_endpoint.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <jansson.h>
#include <string.h>

/* How `allocd await` says that the id is not known. */
#define UNKNOWN "no outcome yet"

struct looked_up {
	const char *id; /* encoded */
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

/* The output is an object, to which the place of the dead letters is added. */
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
		reply_json_text(call,
				arena_printf(arena,
					     "%.*s,\"dead_letters\":\"/admin/dead-letters?message-id=%s\"}",
					     (int)strlen(text) - 1, text, asked->id));
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
