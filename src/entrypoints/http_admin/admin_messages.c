/* Serves what became of a message, and takes commands from operators. */
#include "entrypoints/http_admin/admin_tasks.h"

#include "entrypoints/http/command_endpoint.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <string.h>

/* How `allocd await` says that the id is not known. */
#define UNKNOWN "no outcome yet"

/* `context`: the id, encoded.  The output is an object, to which the place of the dead letters is added. */
static void reply_message(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	const struct child_end *end = &result->end;
	struct arena *arena = arena_new(4096);
	bool has_ended = end->cut == CHILD_ENDED_ITSELF;

	if (has_ended && output->lines == 1)
		reply_json_text(call,
				arena_printf(arena,
					     "%.*s,\"dead_letters\":\"/admin/dead-letters?message-id=%s\"}",
					     (int)output->size - 1, output->text, (const char *)context));
	else if (has_ended && end->status == STATUS_TRY_AGAIN && strstr(end->error, UNKNOWN))
		reply_not_found(call, end->error);
	else
		admin_reply_failure(call, end);
	arena_free(&arena);
}

void serve_message(struct http_api *api, const struct http_call *call, const char *id)
{
	struct exchange *exchange = read_begin(api, call, "the id of a message", id);

	if (exchange)
		admin_read(exchange,
			   (const char *const[]){"await", "--json", "--timeout=0", "--log-level=error", "--",
						 exchange->name, NULL},
			   reply_message,
			   arena_strdup(exchange->arena, name_encode(exchange->name, exchange->arena)));
}

void serve_admin_command(struct http_api *api, const struct http_call *call, const char *name)
{
	enum message_type type = message_type_named(name);

	if (type == MSG_NONE || !command_endpoints[type].path)
		reply_not_found(call, "There is no such command: see allocd schema");
	else
		serve_command(api, call, type);
}
