/*
 * SUBSCRIBE on a connection of its own.  It never sends UNSUBSCRIBE: to stop, free the subscriber.
 */
#include "adapters/redis/subscriber/redis_subscriber.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_reader.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/system/instants.h"
#include "bus/ports/codec.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <assert.h>
#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

struct subscribed_channel {
	char *name;
	size_t size;
	enum message_type type; /* MSG_NONE: it is a signal's channel */
	size_t signal;          /* the index of that signal */
};

struct redis_subscriber {
	struct redis_connection *connection;
	const struct redis_listener *listener;
	void *context;

	struct subscribed_channel *channels;
	size_t count;
	size_t confirmed; /* of the channels, by Redis */

	int64_t up_at, down_since;
	int64_t drop_since; /* while it is being dropped; else 0 */
	char down_cause[REDIS_TROUBLE_MAX];
	struct redis_subscriber_stats stats;
};

/* ---- subscribing ---- */

static void on_ready(void *context)
{
	struct redis_subscriber *subscriber = context;
	struct evbuffer *commands = must(evbuffer_new());

	resp_begin_command(commands, 1 + subscriber->count);
	resp_add_argument(commands, bytes_of("SUBSCRIBE"));
	for (size_t i = 0; i < subscriber->count; i++)
		resp_add_argument(commands,
				  (struct bytes){subscriber->channels[i].name, subscriber->channels[i].size});
	subscriber->confirmed = 0;
	redis_connection_listen(subscriber->connection, commands);
	evbuffer_free(commands);
}

static void on_confirmed(struct redis_subscriber *subscriber)
{
	struct subscription_gap window;

	if (++subscriber->confirmed < subscriber->count)
		return;
	redis_connection_mark_up(subscriber->connection);
	window = (struct subscription_gap){subscriber->down_since, wall_clock_us(), subscriber->down_cause,
					   !subscriber->stats.losses};
	subscriber->up_at = window.until;
	if (subscriber->listener->up)
		subscriber->listener->up(subscriber->context, &window);
}

static void on_lost(void *context, const char *cause)
{
	struct redis_subscriber *subscriber = context;
	int64_t since = subscriber->drop_since ? subscriber->drop_since
					       : redis_connection_received_until(subscriber->connection);

	if (subscriber->confirmed < subscriber->count)
		return; /* it was not up, so the gap continues */
	subscriber->confirmed = 0;
	subscriber->stats.losses++;
	subscriber->down_since = since;
	utf8_format(subscriber->down_cause, sizeof subscriber->down_cause, "%s", cause);
	if (subscriber->listener->down)
		subscriber->listener->down(subscriber->context, subscriber->down_since, cause);
}

void redis_subscriber_drop(struct redis_subscriber *subscriber, int64_t since, const char *cause)
{
	if (!redis_subscriber_is_up(subscriber))
		return;
	subscriber->drop_since = since > subscriber->up_at ? since : subscriber->up_at;
	redis_connection_drop(subscriber->connection, cause);
	subscriber->drop_since = 0;
}

/* ---- receiving ---- */

static const struct subscribed_channel *channel_named(const struct redis_subscriber *subscriber,
						      const redisReply *name)
{
	for (size_t i = 0; i < subscriber->count; i++) {
		const struct subscribed_channel *channel = &subscriber->channels[i];

		if (name->len == channel->size && !memcmp(name->str, channel->name, channel->size))
			return channel;
	}
	return NULL;
}

static bool is_message(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
	       resp_is_text(reply->element[0], "message") && reply->element[1]->type == REDIS_REPLY_STRING &&
	       reply->element[2]->type == REDIS_REPLY_STRING;
}

static void on_message(struct redis_subscriber *subscriber, const redisReply *reply)
{
	const struct subscribed_channel *channel = channel_named(subscriber, reply->element[1]);
	struct bytes payload = {reply->element[2]->str, reply->element[2]->len};
	size_t true_size = (size_t)reply->element[2]->integer;

	if (!channel)
		return;
	if (channel->type == MSG_NONE) {
		subscriber->listener->signal(subscriber->context, channel->signal, payload);
		return;
	}
	subscriber->stats.received++;
	if (true_size > payload.size)
		subscriber->stats.oversized++;
	subscriber->listener->message(subscriber->context, channel->type, channel->name, payload, true_size);
}

static bool is_confirmation(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
	       resp_is_text(reply->element[0], "subscribe");
}

static bool is_pong(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	       resp_is_text(reply->element[0], "pong");
}

/* An error is a sufficient reply to a PING that an ACL forbids, but not to SUBSCRIBE. */
static void on_odd(struct redis_subscriber *subscriber, const redisReply *reply)
{
	const struct subscribed_channel *last = &subscriber->channels[subscriber->count - 1];
	char words[REDIS_TROUBLE_MAX - 64], cause[REDIS_TROUBLE_MAX];

	if (reply->type == REDIS_REPLY_ERROR && subscriber->confirmed == subscriber->count)
		return;
	redis_error_describe(reply, words, sizeof words);
	utf8_format(cause, sizeof cause, "SUBSCRIBE to %.*s and the others: %s",
		    (int)utf8_cut(last->name, strlen(last->name), 32), last->name, words);
	redis_connection_drop(subscriber->connection, cause);
}

static void on_received(void *context, const redisReply *reply)
{
	struct redis_subscriber *subscriber = context;

	if (is_message(reply) && subscriber->confirmed == subscriber->count)
		on_message(subscriber, reply);
	else if (is_confirmation(reply) && subscriber->confirmed < subscriber->count)
		on_confirmed(subscriber);
	else if (!is_pong(reply))
		on_odd(subscriber, reply);
}

/* ---- the whole ---- */

static struct subscribed_channel *add_channel(struct redis_subscriber *subscriber, const char *prefix,
					      const char *name)
{
	struct subscribed_channel *channel = &subscriber->channels[subscriber->count++];

	channel->name = must_printf("%s%s", prefix, name);
	channel->size = strlen(channel->name);
	return channel;
}

static void add_channels(struct redis_subscriber *subscriber, const struct redis_subscriber_config *config)
{
	subscriber->channels =
		must_alloc((config->count + config->signal_count) * sizeof *subscriber->channels);
	for (size_t i = 0; i < config->count; i++)
		add_channel(subscriber, config->prefix, message_name(config->types[i]))->type =
			config->types[i];
	for (size_t i = 0; i < config->signal_count; i++)
		add_channel(subscriber, config->prefix, config->signals[i])->signal = i;
}

struct redis_subscriber *redis_subscriber_new(const struct redis_settings *settings,
					      const struct redis_subscriber_config *config,
					      const struct redis_listener *listener, void *context)
{
	static const struct redis_connection_user user = {on_ready, on_received, on_lost};
	struct redis_subscriber *subscriber = must_alloc(sizeof *subscriber);

	assert(config->count >= 1 && config->count <= MSG_TYPES);
	subscriber->listener = listener;
	subscriber->context = context;
	add_channels(subscriber, config);
	subscriber->down_since = wall_clock_us();
	utf8_format(subscriber->down_cause, sizeof subscriber->down_cause, "not connected yet");
	subscriber->connection = redis_connection_new(settings, config->name, PAYLOAD_MAX, &user, subscriber);
	return subscriber;
}

void redis_subscriber_free(struct redis_subscriber **subscriber)
{
	if (!*subscriber)
		return;
	redis_connection_free(&(*subscriber)->connection);
	for (size_t i = 0; i < (*subscriber)->count; i++)
		free((*subscriber)->channels[i].name);
	free((*subscriber)->channels);
	free(*subscriber);
	*subscriber = NULL;
}

void redis_subscriber_pause(struct redis_subscriber *subscriber)
{
	subscriber->stats.pauses += !redis_connection_is_paused(subscriber->connection);
	redis_connection_pause(subscriber->connection);
}

void redis_subscriber_resume(struct redis_subscriber *subscriber)
{
	redis_connection_resume(subscriber->connection);
}

bool redis_subscriber_is_paused(const struct redis_subscriber *subscriber)
{
	return redis_connection_is_paused(subscriber->connection);
}

bool redis_subscriber_is_up(const struct redis_subscriber *subscriber)
{
	return redis_connection_is_up(subscriber->connection);
}

const char *redis_subscriber_run_id(const struct redis_subscriber *subscriber)
{
	return redis_connection_run_id(subscriber->connection);
}

const char *redis_subscriber_trouble(const struct redis_subscriber *subscriber)
{
	return redis_connection_trouble(subscriber->connection);
}

const struct redis_subscriber_stats *redis_subscriber_stats(const struct redis_subscriber *subscriber)
{
	return &subscriber->stats;
}
