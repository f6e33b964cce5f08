/* `allocd schema`: prints the JSON Schema of a message, or lists the messages. */
#include "core/base/must.h"
#include "entrypoints/about/message_schemas.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/text.h"

#include <jansson.h>

static const char *role_name(enum message_type type)
{
	return message_is_command(type) ? "command" : "event";
}

static void print_message(enum message_type type, bool as_json)
{
	json_t *schema = must(json_loads(message_schemas[type], 0, NULL));
	const char *description = json_string_value(json_object_get(schema, "description"));

	if (as_json)
		json_line_print(must(json_pack("{s:s, s:s, s:s?}", "message", message_name(type), "role",
					       role_name(type), "description", description)),
				stdout);
	else
		printf("%-22s %-8s %s\n", message_name(type), role_name(type),
		       description ? description : "");
	json_decref(schema);
}

static enum exit_status refuse(const struct invocation *invocation, const char *name)
{
	struct nearest nearest = {.word = name};

	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++)
		nearest_consider(&nearest, message_name((enum message_type)type));
	return invocation_refuse(invocation,
				 arena_printf(invocation->arena, "there is no message '%s'%s", name,
					      nearest_hint(&nearest, "", invocation->arena)));
}

enum exit_status command_schema(const struct invocation *invocation)
{
	bool as_json = invocation_flag(invocation, "json");
	enum message_type type;

	if (!invocation->argument_count) {
		for (int i = MSG_NONE + 1; i < MSG_TYPES; i++)
			print_message((enum message_type)i, as_json);
		return STATUS_DONE;
	}
	type = message_type_named(invocation->arguments[0]);
	if (type == MSG_NONE)
		return refuse(invocation, invocation->arguments[0]);
	fputs(message_schemas[type], stdout);
	return STATUS_DONE;
}
