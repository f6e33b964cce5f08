/* What `allocd-bench` is composed of: a sender for its messages, a subscriber for what they cause. */
#include "entrypoints/bench/connections.h"

#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/redis/tools/bulk_sender.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "entrypoints/main/server_urls.h"

static const enum message_type commands_sent[] = {MSG_ALLOCATE, MSG_CHANGE_BATCH_QUANTITY, MSG_CREATE_BATCH};
static const enum message_type events_heard[] = {MSG_LINE_ALLOCATED, MSG_LINE_DEALLOCATED, MSG_OUT_OF_STOCK};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* A stream, or the channels. */
struct road {
	struct sender_target targets[MSG_TYPES];
};

struct traffic {
	struct redis_settings redis;
	struct logger silent; /* whoever is told tells it */
	struct bulk_sender *sender;
	struct redis_subscriber *subscriber;
	struct road *roads;
	size_t road_count;
	bool sender_is_up;
	const struct traffic_user *user;
	void *context;
};

/* ---- the roads ---- */

static void open_channels(struct traffic *traffic, const struct config *config, struct arena *arena)
{
	traffic->road_count = 1;
	traffic->roads = must_alloc(sizeof *traffic->roads);
	for (size_t i = 0; i < COUNT(commands_sent); i++)
		sender_target_channel(
			&traffic->roads[0].targets[commands_sent[i]],
			arena_printf(arena, "%s%s", config->prefix, message_name(commands_sent[i])));
}

static void open_streams(struct traffic *traffic, const struct config *config, struct arena *arena)
{
	traffic->road_count = config->streams.count;
	traffic->roads = must_alloc(traffic->road_count * sizeof *traffic->roads);
	for (size_t road = 0; road < traffic->road_count; road++) {
		const char *name = arena_printf(arena, "%s%s", config->prefix, config->streams.names[road]);

		for (size_t i = 0; i < COUNT(commands_sent); i++)
			sender_target_stream(&traffic->roads[road].targets[commands_sent[i]], name,
					     message_name(commands_sent[i]));
	}
}

void traffic_add(struct traffic *traffic, enum message_type command, uint32_t key, struct bytes payload)
{
	bulk_sender_add(traffic->sender, &traffic->roads[key % traffic->road_count].targets[command],
			payload);
}

void traffic_flush(struct traffic *traffic)
{
	bulk_sender_flush(traffic->sender);
}

bool traffic_is_answered(const struct traffic *traffic)
{
	return bulk_sender_is_answered(traffic->sender);
}

/* ---- what Redis says ---- */

static void on_up(void *context)
{
	struct traffic *traffic = context;

	traffic->sender_is_up = true;
}

static void on_answered(void *context)
{
	struct traffic *traffic = context;

	traffic->user->answered(traffic->context);
}

static void on_ended(void *context, const char *cause)
{
	struct traffic *traffic = context;

	traffic->user->ended(traffic->context, cause);
}

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	struct traffic *traffic = context;

	(void)channel;
	(void)true_size;
	traffic->user->heard(traffic->context, type, payload);
}

static void on_down(void *context, int64_t since, const char *cause)
{
	(void)since;
	on_ended(context, cause);
}

bool traffic_is_up(const struct traffic *traffic)
{
	return traffic->sender_is_up && redis_subscriber_is_up(traffic->subscriber);
}

const char *traffic_trouble(const struct traffic *traffic)
{
	const char *trouble = redis_subscriber_trouble(traffic->subscriber);

	return !trouble && !traffic->sender_is_up ? "it does not answer" : trouble;
}

/* ---- the whole ---- */

struct traffic *traffic_new(struct event_base *base, const struct invocation *invocation, bool by_stream,
			    const struct traffic_user *user, void *context)
{
	static const struct bulk_sender_user sender_user = {on_up, on_answered, on_ended};
	static const struct redis_listener listener = {.message = on_message, .down = on_down};
	const struct config *config = &invocation->config;
	struct traffic *traffic = must_alloc(sizeof *traffic);

	traffic->silent.level = LOG_ERROR; /* a connection warns at most */
	traffic->redis = (struct redis_settings){.base = base,
						 .url = redis_url(config),
						 .random = system_random(),
						 .logger = &traffic->silent};
	traffic->user = user;
	traffic->context = context;
	if (by_stream)
		open_streams(traffic, config, invocation->arena);
	else
		open_channels(traffic, config, invocation->arena);
	traffic->sender = bulk_sender_new(&traffic->redis, "allocd-bench", &sender_user, traffic);
	traffic->subscriber = redis_subscriber_new(&traffic->redis,
						   &(struct redis_subscriber_config){
							   .name = "allocd-bench-events",
							   .prefix = config->prefix,
							   .types = events_heard,
							   .count = COUNT(events_heard),
						   },
						   &listener, traffic);
	return traffic;
}

void traffic_free(struct traffic **place)
{
	struct traffic *traffic = *place;

	if (!traffic)
		return;
	redis_subscriber_free(&traffic->subscriber);
	bulk_sender_free(&traffic->sender);
	free(traffic->roads);
	free(traffic);
	*place = NULL;
}
