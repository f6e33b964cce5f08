/* `allocd schema`: prints the JSON Schema of a message or a specification, or lists the messages. */
#include "core/base/must.h"
#include "core/message.h"
#include "entrypoints/about/documents.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/text.h"

#include <jansson.h>

static const char *role_name(enum message_type type)
{
	return message_is_command(type) ? "command" : "event";
}

static const struct built_in_file *schema_of(const char *name, struct arena *arena)
{
	return document_find(arena_printf(arena, "/schemas/%s.json", name));
}

static void print_message(enum message_type type, bool as_json, struct arena *arena)
{
	const struct built_in_file *file = schema_of(message_name(type), arena);
	json_t *schema = must(json_loadb((const char *)file->plain, file->plain_size, 0, NULL));
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

static enum exit_status list(const struct invocation *invocation)
{
	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++)
		print_message((enum message_type)type, invocation_flag(invocation, "json"),
			      invocation->arena);
	return STATUS_DONE;
}

static enum exit_status print(const struct built_in_file *file)
{
	fwrite(file->plain, 1, file->plain_size, stdout);
	return STATUS_DONE;
}

enum exit_status command_schema(const struct invocation *invocation)
{
	bool asyncapi = invocation_flag(invocation, "asyncapi"),
	     openapi = invocation_flag(invocation, "openapi");
	size_t asked = invocation->argument_count + asyncapi + openapi;
	const struct built_in_file *file;

	if (asked > 1)
		return invocation_refuse(invocation, "expected a message, --asyncapi or --openapi");
	if (asked == 0)
		return list(invocation);
	if (asyncapi || openapi)
		return print(document_find(asyncapi ? "/asyncapi.json" : "/openapi.json"));
	file = schema_of(invocation->arguments[0], invocation->arena);
	return file ? print(file) : refuse(invocation, invocation->arguments[0]);
}
