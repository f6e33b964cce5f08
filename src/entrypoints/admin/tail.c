/*
 * `allocd tail`: prints events as they pass, or as they were added to their stream, until a signal ends it.
 */
#include "adapters/codec/codec.h"
#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/redis/tools/stream_tail.h"
#include "adapters/system/instants.h"
#include "adapters/system/random.h"
#include "core/base/calendar.h"
#include "core/base/container_of.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/admin/tail_filter.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
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
	struct redis_subscriber *subscriber; /* to what passes on channels, */
	struct stream_tail *stream;          /* or the stream of events, with --since */
	struct tail_filter filter;
	bool as_json;
	int64_t left; /* messages that are still to be printed; negative: no limit */
	enum exit_status status;
};

/* ---- messages ---- */

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

static void print_as_json(const char *name, const char *json, int64_t at)
{
	char text[INSTANT_TEXT_SIZE];

	instant_format(at, text);
	json_line_print(must(json_pack("{s:s, s:o, s:s}", "type", name, "data",
				       must(json_loads(json, JSON_DECODE_ANY, NULL)), "at", text)),
			stdout);
}

/* `at`: when it was received, or added to the stream. */
static void print_message(struct tail *tail, enum message_type type, struct bytes payload, int64_t at,
			  const char *place)
{
	struct arena *arena = arena_new(4096);
	const char *json, *error;

	if (!codec_payload_to_line(payload, arena, &json, &error)) {
		LOG(&tail->quiet.logger, LOG_WARN, "received a message that is not an event",
		    LOG_TEXT("channel", place), LOG_TEXT("error", error));
	} else if (tail->left && tail_filter_passes(&tail->filter, type, payload, arena)) {
		if (tail->as_json)
			print_as_json(message_name(type), json, at);
		else
			printf("%s %s\n", message_name(type), utf8_printable(arena, json));
		tail->left -= tail->left > 0;
		if (fflush(stdout) != 0)
			end_without_output(tail);
		else if (!tail->left)
			event_base_loopexit(tail->base, NULL);
	}
	arena_free(&arena);
}

/* ---- channels ---- */

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	(void)true_size;
	print_message(context, type, payload, wall_clock_us(), channel);
}

static void subscribe(struct tail *tail)
{
	static const struct redis_listener listener = {.message = on_message};
	enum message_type types[EVENT_TYPES + COMMAND_TYPES];
	bool with_commands = invocation_flag(tail->invocation, "commands");

	memcpy(types, event_types, sizeof event_types);
	memcpy(types + EVENT_TYPES, command_types, sizeof command_types);
	tail->subscriber =
		redis_subscriber_new(&tail->redis,
				     &(struct redis_subscriber_config){
					     .name = "allocd-tail",
					     .prefix = tail->invocation->config.prefix,
					     .types = types,
					     .count = EVENT_TYPES + (with_commands ? COMMAND_TYPES : 0),
				     },
				     &listener, tail);
}

/* ---- the stream of events ---- */

static void on_entry(void *context, const struct stream_entry *entry)
{
	struct tail *tail = context;

	if (entry->type != MSG_NONE)
		print_message(tail, entry->type, entry->payload, (int64_t)entry->id.ms * 1000,
			      tail->invocation->config.event_stream);
}

static void on_refused(void *context, const char *error)
{
	struct tail *tail = context;

	LOG(tail->invocation->logger, LOG_ERROR, "cannot read the stream of events",
	    LOG_TEXT("error", error));
	tail->status = STATUS_FAILED;
	event_base_loopexit(tail->base, NULL);
}

static void read_stream(struct tail *tail)
{
	static const struct stream_tail_user user = {on_entry, on_refused};
	const struct config *config = &tail->invocation->config;
	int64_t since_us = tail->filter.since_s < 0 ? 0 : wall_clock_us() - tail->filter.since_s * 1000000;
	struct stream_id after = {.ms = since_us > 0 ? (uint64_t)since_us / 1000 : 0};

	tail->stream = stream_tail_new(
		&tail->redis,
		arena_printf(tail->invocation->arena, "%s%s", config->prefix, config->event_stream), after,
		&user, tail);
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
	const char *trouble =
		tail->stream ? stream_tail_trouble(tail->stream) : redis_subscriber_trouble(tail->subscriber);
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

static void run(struct tail *tail)
{
	const struct timeval start_wait = {.tv_sec = tail->invocation->config.start_wait_s};
	struct event *events[] = {
		must(evsignal_new(tail->base, SIGTERM, on_signal, tail)),
		must(evsignal_new(tail->base, SIGINT, on_signal, tail)),
		must(evtimer_new(tail->base, on_start_waited, tail)),
	};

	event_add(events[0], NULL);
	event_add(events[1], NULL);
	event_add(events[2], &start_wait);
	if (invocation_flag(tail->invocation, "since"))
		read_stream(tail);
	else
		subscribe(tail);
	event_base_dispatch(tail->base);
	redis_subscriber_free(&tail->subscriber);
	stream_tail_free(&tail->stream);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		event_free(events[i]);
}

enum exit_status command_tail(const struct invocation *invocation)
{
	struct tail tail = {
		.invocation = invocation,
		.quiet = {.logger = {.level = invocation->logger->level, .write = write_when_due},
			  .inner = invocation->logger},
		.as_json = invocation_flag(invocation, "json"),
		.left = invocation_number(invocation, "count", -1),
	};
	const char *error;

	if (invocation_flag(invocation, "since") && invocation_flag(invocation, "commands"))
		return invocation_refuse(invocation,
					 "--since reads the stream of events, which has no commands");
	if (invocation_flag(invocation, "since") && !invocation->config.event_stream[0]) {
		print_error("tail: ALLOCD_EVENT_STREAM: --since needs it");
		return STATUS_CONFIGURATION;
	}
	if (!tail_filter_read(&tail.filter, invocation, &error))
		return invocation_refuse(invocation, error);
	tail.base = must(event_base_new());
	tail.redis = (struct redis_settings){
		.base = tail.base,
		.url = redis_url(&invocation->config),
		.random = system_random(),
		.logger = &tail.quiet.logger,
		.demands.replica_will_do = true, /* a replica publishes the messages of its master */
	};
	run(&tail);
	tail_filter_release(&tail.filter);
	event_base_free(tail.base);
	return tail.status;
}
