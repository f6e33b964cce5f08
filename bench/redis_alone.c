/*
 * What remains of the worker without a database: it hears `allocate` on pub/sub, decodes it, encodes one
 * line_allocated and publishes that, pipelined.  No worker that parses and publishes can be faster.
 *
 *     REDIS_URL=… ALLOCD_PREFIX=… redis-alone
 *
 * Prints "ready" when it listens; SIGTERM ends it.  Not installed: `./dev bench --compare` measures it.
 */
#include "adapters/codec/codec.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/system/instants.h"
#include "adapters/system/logger.h"
#include "adapters/system/random.h"
#include "core/base/must.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct alone {
	struct event_base *base;
	char *url;
	struct system_logger logger;
	struct codec *codec;
	struct arena *arena;
	char *channel;
	int64_t version; /* one for all SKUs */

	struct redis_subscriber *subscriber;
	struct redis_connection *publisher;
	struct evbuffer *commands; /* what the messages of this burst cause; */
	size_t count;              /* of the commands */
	struct event *burst_end;
};

/* ---- commands become events ---- */

static void write_event(struct alone *alone, const struct allocate *cmd, struct bytes *payload)
{
	struct envelope event = {.source = "", .occurred_at = wall_clock_us()};
	const char *error;

	message_init(&event.message, MSG_LINE_ALLOCATED);
	event.message.as.line_allocated = (struct line_allocated){
		.orderid = cmd->orderid,
		.sku = cmd->sku,
		.qty = cmd->qty,
		.batchref = cmd->sku,
		.version = ++alone->version,
		.occurred_at = event.occurred_at,
		.cause = cmd->id,
	};
	if (!alone->codec->ops->encode(alone->codec, &event, alone->arena, payload, &error)) {
		fprintf(stderr, "redis-alone: %s\n", error);
		exit(1);
	}
}

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	struct alone *alone = context;
	struct envelope command;
	const char *error;

	(void)channel;
	(void)true_size;
	if (!alone->codec->ops->decode(alone->codec, type, payload, alone->arena, &command, &error)) {
		fprintf(stderr, "redis-alone: %s\n", error);
		exit(1);
	}
	write_event(alone, &command.message.as.allocate, &payload);
	resp_append_command(alone->commands,
			    (struct bytes[]){bytes_of("PUBLISH"), bytes_of(alone->channel), payload}, 3);
	arena_clear(alone->arena);
	if (!alone->count++)
		event_active(alone->burst_end, EV_TIMEOUT, 0);
}

static void on_published(void *context, const redisReply *reply)
{
	(void)context;
	if (reply && reply->type == REDIS_REPLY_INTEGER)
		return;
	fprintf(stderr, "redis-alone: Redis did not take an event\n");
	exit(1);
}

static void on_burst_end(evutil_socket_t fd, short what, void *context)
{
	struct alone *alone = context;

	(void)fd;
	(void)what;
	redis_connection_request(alone->publisher, alone->commands, alone->count, on_published, alone);
	alone->count = 0;
}

/* ---- the connections: first the one that publishes ---- */

static void on_up(void *context, const struct subscription_gap *window)
{
	(void)context;
	(void)window;
	puts("ready");
	fflush(stdout);
}

static struct redis_settings settings_of(struct alone *alone)
{
	return (struct redis_settings){.base = alone->base,
				       .url = {.read = url_read_text, .context = alone->url},
				       .random = system_random(),
				       .logger = &alone->logger.logger};
}

static void on_ready(void *context)
{
	static const enum message_type types[] = {MSG_ALLOCATE};
	static const struct redis_listener listener = {.message = on_message, .up = on_up};
	struct alone *alone = context;
	struct redis_settings settings = settings_of(alone);

	redis_connection_mark_up(alone->publisher);
	alone->subscriber = redis_subscriber_new(
		&settings,
		&(struct redis_subscriber_config){
			.name = "redis-alone", .prefix = getenv("ALLOCD_PREFIX"), .types = types, .count = 1},
		&listener, alone);
}

static void on_lost(void *context, const char *cause)
{
	(void)context;
	fprintf(stderr, "redis-alone: %s\n", cause);
	exit(1);
}

/* ---- the whole ---- */

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct alone *alone = context;

	(void)number;
	(void)what;
	event_base_loopbreak(alone->base);
}

static void alone_init(struct alone *alone)
{
	system_logger_init(&alone->logger, STDERR_FILENO, LOG_WARN, LOG_FORMAT_LOGFMT);
	alone->base = must(event_base_new());
	alone->codec = codec_new(&(struct codec_config){CODEC_JSON, CODEC_BARE, "redis-alone"});
	alone->arena = arena_new(PAYLOAD_MAX);
	alone->commands = must(evbuffer_new());
	alone->burst_end = must(event_new(alone->base, -1, 0, on_burst_end, alone));
}

static void alone_release(struct alone *alone)
{
	redis_subscriber_free(&alone->subscriber);
	redis_connection_free(&alone->publisher);
	event_free(alone->burst_end);
	evbuffer_free(alone->commands);
	arena_free(&alone->arena);
	codec_free(&alone->codec);
	event_base_free(alone->base);
	free(alone->url);
	free(alone->channel);
}

static void run(struct alone *alone)
{
	static const struct redis_connection_user user = {.ready = on_ready, .lost = on_lost};
	struct redis_settings settings = settings_of(alone);
	struct event *end = must(evsignal_new(alone->base, SIGTERM, on_signal, alone));

	evsignal_add(end, NULL);
	alone->publisher = redis_connection_new(&settings, "redis-alone", PAYLOAD_MAX, &user, alone);
	event_base_dispatch(alone->base);
	event_free(end);
}

int main(void)
{
	const char *url = getenv("REDIS_URL"), *prefix = getenv("ALLOCD_PREFIX"), *error;
	struct alone alone = {0};
	struct redis_url parsed;

	if (!url || !prefix) {
		fprintf(stderr, "redis-alone: REDIS_URL and ALLOCD_PREFIX say where to listen\n");
		return 2;
	}
	if (!redis_url_parse(&parsed, url, &error)) {
		fprintf(stderr, "redis-alone: REDIS_URL: %s\n", error);
		return 2;
	}
	redis_url_release(&parsed);
	alone.url = must(strdup(url));
	alone.channel = must_printf("%s%s", prefix, message_name(MSG_LINE_ALLOCATED));
	signal(SIGPIPE, SIG_IGN);
	alone_init(&alone);
	run(&alone);
	alone_release(&alone);
	return 0;
}
