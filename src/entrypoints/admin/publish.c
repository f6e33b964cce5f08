/* `allocd publish MESSAGE FIELD=VALUE...`: checks a command against its schema and publishes it. */
#include "adapters/codec/codec.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/tools/redis_client.h"
#include "adapters/system/random.h"
#include "core/message.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/server_urls.h"

#include <stddef.h>

static enum exit_status unknown_message(const char *name, struct arena *arena)
{
	const char *names = "";

	for (int type = MSG_NONE + 1; type < MSG_TYPES; type++) {
		if (message_is_command((enum message_type)type))
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

/* ---- on a stream ---- */

/* A message without a SKU goes on the first stream of the range: its reader hands it on. */
static const char *stream_for(const struct tools *tools, enum message_type type, struct bytes payload)
{
	const struct stream_list *streams = &tools->invocation->config.streams;
	struct envelope envelope;
	const char *error, *sku = NULL;

	if (tools->codec->ops->decode(tools->codec, type, payload, tools->invocation->arena, &envelope,
				      &error))
		sku = message_text(&envelope.message, "sku");
	return streams->names[sku ? stream_list_place(streams, sku) : streams->range_first];
}

static bool add_to_stream(struct tools *tools, enum message_type type, struct bytes payload)
{
	const char *key = tools_prefixed(tools, stream_for(tools, type, payload));
	const struct bytes arguments[] = {
		bytes_of("XADD"),
		bytes_of(key),
		bytes_of("*"),
		bytes_of("type"),
		bytes_of(message_name(type)),
		bytes_of("data"),
		payload,
	};

	return redis_client_run(tools->redis, arguments, 7, tools->redis_error) || tools_report_redis(tools);
}

static enum exit_status publish_on_stream(const struct invocation *invocation, enum message_type type,
					  struct bytes payload)
{
	struct tools *tools = tools_new(invocation);

	if (!invocation->config.streams.count)
		tools_report(tools, STATUS_CONFIGURATION, "ALLOCD_STREAM", "it names no stream");
	else if (tools_open_redis(tools))
		add_to_stream(tools, type, payload);
	return tools_free(&tools);
}

/* `--stream` names no streams, and `--stream=NAMES` does. */
static bool is_for_stream(const struct invocation *invocation)
{
	for (size_t i = 0; i < invocation->option_count; i++) {
		if (invocation->options[i].setting->offset == offsetof(struct config, streams))
			return true;
	}
	return invocation_flag(invocation, "stream");
}

enum exit_status command_publish(const struct invocation *invocation)
{
	const char *name = invocation->arguments[0];
	enum message_type type = message_type_named(name);
	struct bytes payload;
	const char *error;

	if (!message_is_command(type))
		return unknown_message(name, invocation->arena);
	if (!codec_command_from_pairs(type, invocation->arguments + 1, invocation->argument_count - 1,
				      invocation->arena, &payload, &error))
		return wrong_fields(invocation, error);
	return is_for_stream(invocation) ? publish_on_stream(invocation, type, payload)
					 : publish(invocation, type, payload);
}
