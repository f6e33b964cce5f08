/* `allocd tail`: prints events as they pass, one a line, until a signal ends it. */
#include "adapters/codec/codec.h"
#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/system/random.h"
#include "core/base/container_of.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/main/server_urls.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>

/*
 * A logger that is silent while the connection works: it passes on lines from the first warning, or all lines
 * at the level debug.
 */
struct quiet_logger {
	struct logger logger;
	struct logger *inner;
	bool had_warning;
};

static void write_when_due(struct logger *logger, enum log_level level, const char *message,
			   const struct log_field *fields, size_t count)
{
	struct quiet_logger *quiet = container_of(logger, struct quiet_logger, logger);

	quiet->had_warning |= level >= LOG_WARN;
	if (quiet->had_warning || quiet->inner->level == LOG_DEBUG)
		quiet->inner->write(quiet->inner, level, message, fields, count);
}

struct tail {
	const struct invocation *invocation;
	struct quiet_logger quiet;
	struct event_base *base;
	struct redis_settings redis;
	struct redis_subscriber *subscriber;
	enum exit_status status;
};

/* ---- events ---- */

/* EPIPE is not a failure: the reader, such as `head`, has read enough. */
static void end_without_output(struct tail *tail)
{
	int reason = errno;

	if (reason != EPIPE) {
		LOG(tail->invocation->logger, LOG_ERROR, "cannot write to standard output",
		    LOG_TEXT("error", strerror(reason)));
		tail->status = STATUS_FAILED;
	}
	event_base_loopexit(tail->base, NULL);
}

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	struct tail *tail = context;
	struct arena *arena = arena_new(4096);
	const char *json, *error;

	(void)true_size;
	if (!codec_payload_to_line(payload, arena, &json, &error)) {
		LOG(&tail->quiet.logger, LOG_WARN, "received a message that is not an event",
		    LOG_TEXT("channel", channel), LOG_TEXT("error", error));
	} else {
		printf("%s %s\n", message_name(type), utf8_printable(arena, json));
		if (fflush(stdout) != 0)
			end_without_output(tail);
	}
	arena_free(&arena);
}

static void subscribe(struct tail *tail)
{
	static const struct redis_listener listener = {.message = on_message};
	const struct config *config = &tail->invocation->config;

	tail->redis = (struct redis_settings){
		.base = tail->base,
		.url = redis_url(config),
		.random = system_random(),
		.logger = &tail->quiet.logger,
		.demands.replica_will_do = true, /* a replica publishes the messages of its master */
	};
	tail->subscriber = redis_subscriber_new(&tail->redis,
						&(struct redis_subscriber_config){
							.name = "allocd-tail",
							.prefix = config->prefix,
							.types = event_types,
							.count = EVENT_TYPES,
						},
						&listener, tail);
}

/* ---- the end ---- */

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct tail *tail = context;

	(void)number;
	(void)what;
	event_base_loopexit(tail->base, NULL);
}

static void on_start_waited(evutil_socket_t socket, short what, void *context)
{
	struct tail *tail = context;
	const char *trouble = redis_subscriber_trouble(tail->subscriber);
	char place[REDIS_ADDRESS_MAX];

	(void)socket;
	(void)what;
	if (!trouble)
		return;
	redis_url_address(&tail->redis.url, place);
	LOG(tail->invocation->logger, LOG_ERROR, "Redis cannot be reached",
	    LOG_TEXT("error", arena_printf(tail->invocation->arena, "%s: %s", place, trouble)));
	tail->status = STATUS_UNAVAILABLE;
	event_base_loopexit(tail->base, NULL);
}

enum exit_status command_tail(const struct invocation *invocation)
{
	const struct timeval start_wait = {.tv_sec = invocation->config.start_wait_s};
	struct tail tail = {
		.invocation = invocation,
		.quiet = {.logger = {invocation->logger->level, write_when_due}, .inner = invocation->logger},
		.base = must(event_base_new()),
	};
	struct event *events[] = {
		must(evsignal_new(tail.base, SIGTERM, on_signal, &tail)),
		must(evsignal_new(tail.base, SIGINT, on_signal, &tail)),
		must(evtimer_new(tail.base, on_start_waited, &tail)),
	};

	event_add(events[0], NULL);
	event_add(events[1], NULL);
	event_add(events[2], &start_wait);
	subscribe(&tail);
	event_base_dispatch(tail.base);
	redis_subscriber_free(&tail.subscriber);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		event_free(events[i]);
	event_base_free(tail.base);
	return tail.status;
}
