/* `allocd publish MESSAGE FIELD=VALUE...`: checks a command against its schema and publishes it. */
#include "adapters/codec/codec.h"
#include "adapters/redis/tools/redis_client.h"
#include "adapters/system/random.h"
#include "core/message.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/server_urls.h"

static bool is_command(enum message_type type)
{
	return type != MSG_NONE && message_descriptor(type)->role == ROLE_COMMAND;
}

static enum exit_status unknown_message(const char *name, struct arena *arena)
{
	const char *names = "";

	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++) {
		if (is_command((enum message_type)type))
			names = arena_printf(arena, "%s %s", names, message_name((enum message_type)type));
	}
	print_error("publish: '%s' is not a command; there are:%s", name, names);
	return STATUS_USAGE;
}

/* Prints the arguments after the error, to show how the shell has split them. */
static enum exit_status wrong_fields(const struct invocation *invocation, const char *error)
{
	const char *given = "";

	for (size_t i = 0; i < invocation->argument_count; i++)
		given = arena_printf(invocation->arena, "%s %s", given, invocation->arguments[i]);
	print_error("publish: %s; given:%s", error, given);
	return STATUS_USAGE;
}

static enum exit_status publish(const struct invocation *invocation, enum message_type type,
				struct bytes payload)
{
	const char *channel =
		arena_printf(invocation->arena, "%s%s", invocation->config.prefix, message_name(type));
	struct url_source url = redis_url(&invocation->config);
	char trouble[REDIS_TROUBLE_MAX], place[REDIS_ADDRESS_MAX];
	int64_t listeners;

	if (!redis_client_publish(&url, invocation->config.prefix, system_random(), channel, payload,
				  &listeners, trouble)) {
		redis_url_address(&url, place);
		print_error("publish: cannot publish on Redis: %s: %s", place, trouble);
		return STATUS_UNAVAILABLE;
	}
	if (listeners == 0) {
		print_error("publish: no worker listens on %s: the command is lost", channel);
		return STATUS_UNAVAILABLE;
	}
	return STATUS_DONE;
}

enum exit_status command_publish(const struct invocation *invocation)
{
	const char *name = invocation->arguments[0];
	enum message_type type = message_type_named(name);
	struct bytes payload;
	const char *error;

	if (!is_command(type))
		return unknown_message(name, invocation->arena);
	if (!codec_command_from_pairs(type, invocation->arguments + 1, invocation->argument_count - 1,
				      invocation->arena, &payload, &error))
		return wrong_fields(invocation, error);
	return publish(invocation, type, payload);
}
