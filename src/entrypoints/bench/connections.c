/* The connections of `allocd-bench` to Redis: one that sends commands, one that receives the events. */
#include "entrypoints/bench/connections.h"

#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/redis/tools/bulk_sender.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "entrypoints/main/server_urls.h"

/* Where the commands of some SKUs are sent: a stream, or the channels. */
struct command_targets {
	struct sender_target of[MSG_TYPES];
};

struct bench_connections {
	struct redis_settings redis;
	struct logger silent; /* the user of the connections reports their trouble itself */
	struct bulk_sender *sender;
	struct redis_subscriber *subscriber;
	struct command_targets *targets;
	size_t target_count;
	bool sender_is_up;
	const struct bench_connections_user *user;
	void *context;
};

/* ---- the targets ---- */

static void open_channels(struct bench_connections *connections, const struct config *config,
			  struct arena *arena)
{
	connections->target_count = 1;
	connections->targets = must_alloc(sizeof *connections->targets);
	for (size_t i = 0; i < COMMAND_TYPES; i++)
		sender_target_channel(
			&connections->targets[0].of[command_types[i]],
			arena_printf(arena, "%s%s", config->prefix, message_name(command_types[i])));
}

static void open_streams(struct bench_connections *connections, const struct config *config,
			 struct arena *arena)
{
	connections->target_count = config->streams.count;
	connections->targets = must_alloc(connections->target_count * sizeof *connections->targets);
	for (size_t target = 0; target < connections->target_count; target++) {
		const char *name = arena_printf(arena, "%s%s", config->prefix, config->streams.names[target]);

		for (size_t i = 0; i < COMMAND_TYPES; i++)
			sender_target_stream(&connections->targets[target].of[command_types[i]], name,
					     message_name(command_types[i]));
	}
}

void connections_add(struct bench_connections *connections, enum message_type command, uint32_t key,
		     struct bytes payload)
{
	bulk_sender_add(connections->sender,
			&connections->targets[key % connections->target_count].of[command], payload);
}

void connections_flush(struct bench_connections *connections)
{
	bulk_sender_flush(connections->sender);
}

bool connections_is_answered(const struct bench_connections *connections)
{
	return bulk_sender_is_answered(connections->sender);
}

/* ---- what Redis answers and publishes ---- */

static void on_up(void *context)
{
	struct bench_connections *connections = context;

	connections->sender_is_up = true;
}

static void on_answered(void *context)
{
	struct bench_connections *connections = context;

	connections->user->answered(connections->context);
}

static void on_ended(void *context, const char *cause)
{
	struct bench_connections *connections = context;

	connections->user->ended(connections->context, cause);
}

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	struct bench_connections *connections = context;

	(void)channel;
	(void)true_size;
	connections->user->received(connections->context, type, payload);
}

static void on_down(void *context, int64_t since, const char *cause)
{
	(void)since;
	on_ended(context, cause);
}

bool connections_is_up(const struct bench_connections *connections)
{
	return connections->sender_is_up && redis_subscriber_is_up(connections->subscriber);
}

const char *connections_trouble(const struct bench_connections *connections)
{
	const char *trouble = redis_subscriber_trouble(connections->subscriber);

	return !trouble && !connections->sender_is_up ? "it does not answer" : trouble;
}

/* ---- its life ---- */

/* Each event is expected once: under its newest name. */
#define TYPE(type, name) type,

struct bench_connections *connections_new(struct event_base *base, const struct invocation *invocation,
					  bool by_stream, const struct bench_connections_user *user,
					  void *context)
{
	static const struct bulk_sender_user sender_user = {on_up, on_answered, on_ended};
	static const struct redis_listener listener = {.message = on_message, .down = on_down};
	static const enum message_type types[] = {FOR_EACH_EVENT(TYPE)};
	const struct config *config = &invocation->config;
	struct bench_connections *connections = must_alloc(sizeof *connections);

	connections->silent.level = LOG_ERROR; /* a connection warns at most */
	connections->redis = (struct redis_settings){.base = base,
						     .url = redis_url(config),
						     .random = system_random(),
						     .logger = &connections->silent,
						     .demands.prefix = config->prefix};
	connections->user = user;
	connections->context = context;
	if (by_stream)
		open_streams(connections, config, invocation->arena);
	else
		open_channels(connections, config, invocation->arena);
	connections->sender = bulk_sender_new(&connections->redis, "allocd-bench", &sender_user, connections);
	connections->subscriber = redis_subscriber_new(&connections->redis,
						       &(struct redis_subscriber_config){
							       .name = "allocd-bench-events",
							       .prefix = config->prefix,
							       .types = types,
							       .count = sizeof types / sizeof types[0],
						       },
						       &listener, connections);
	return connections;
}

void connections_free(struct bench_connections **place)
{
	struct bench_connections *connections = *place;

	if (!connections)
		return;
	redis_subscriber_free(&connections->subscriber);
	bulk_sender_free(&connections->sender);
	free(connections->targets);
	free(connections);
	*place = NULL;
}
