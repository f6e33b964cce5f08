/* What the commands besides the worker are composed of. */
#include "entrypoints/main/bootstrap.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/postgres.h"
#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/redis/tools/publish_once.h"
#include "adapters/smtp/smtp_url.h"
#include "adapters/system/descriptors.h"
#include "adapters/system/logger.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "entrypoints/main/server_urls.h"

#include <event2/event.h>
#include <unistd.h>

/* ---- the log ---- */

/* libevent hands its callback no context. */
static struct logger *libevents_logger;

/* Its warnings are of what any client of HTTP can provoke. */
static void on_libevent_log(int severity, const char *message)
{
	LOG(libevents_logger, severity == EVENT_LOG_ERR ? LOG_ERROR : LOG_DEBUG, "libevent",
	    LOG_TEXT("error", message));
}

struct logger *bootstrap_logger_new(const struct config *config)
{
	struct system_logger *logger = must_alloc(sizeof *logger);

	system_logger_init(logger, STDERR_FILENO, (enum log_level)config->log_level,
			   config->log_format == LOG_AS_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
	libevents_logger = &logger->logger;
	event_set_log_callback(on_libevent_log);
	return &logger->logger;
}

void bootstrap_logger_free(struct logger **logger)
{
	event_set_log_callback(NULL);
	system_logger_release((struct system_logger *)*logger);
	free(*logger);
	*logger = NULL;
}

/* ---- settings ---- */

/* The event loop, a connection to each service, the threads that look up their names. */
#define DESCRIPTORS_MIN ((size_t)16)

bool bootstrap_check(const struct config *config, struct arena *arena, const char **error)
{
	size_t descriptors = descriptors_free(DESCRIPTORS_MIN);
	struct redis_url url;
	struct smtp_url smtp_url = {0};
	const char *defect;

	if (descriptors < DESCRIPTORS_MIN) {
		*error = arena_printf(
			arena,
			"expected at least %zu free file descriptors, found %zu: raise the limit (ulimit -n)",
			DESCRIPTORS_MIN, descriptors);
		return false;
	}
	if (!redis_url_parse(&url, config->redis_url, &defect)) {
		*error = arena_printf(arena, "REDIS_URL: %s", defect);
		return false;
	}
	redis_url_release(&url);
	if (config->smtp_url[0] && !smtp_url_parse(&smtp_url, config->smtp_url, &defect)) {
		*error = arena_printf(arena, "ALLOCD_SMTP_URL: %s", defect);
		return false;
	}
	smtp_url_release(&smtp_url);
	defect = postgres_conninfo_defect(config->database_url);
	if (defect)
		*error = arena_printf(arena, "DATABASE_URL: %s", defect);
	return !defect;
}

struct url_source bootstrap_redis_url(const struct config *config)
{
	return (struct url_source){.read = config_read_url, .context = config_url(config, "REDIS_URL")};
}

/* ---- the schema ---- */

static enum schema_state state_of(enum schema_result result)
{
	switch (result) {
	case SCHEMA_READY:
		return SCHEMA_FITS;
	case SCHEMA_UNREACHABLE:
		return SCHEMA_AWAY;
	case SCHEMA_INCOMPATIBLE:
		return SCHEMA_REFUSED;
	case SCHEMA_FAILED:
		break;
	}
	return SCHEMA_BROKEN;
}

enum schema_state bootstrap_schema(const struct config *config, bool migrate, int timeout_ms,
				   struct logger *logger, struct arena *arena, const char **text)
{
	char buffer[SCHEMA_TEXT_SIZE] = "";
	struct url_source url = bootstrap_database_url(config);
	enum schema_result result = migrate ? postgres_migrate(&url, timeout_ms, logger, buffer)
					    : postgres_check_schema(&url, timeout_ms, buffer);

	*text = arena_strdup(arena, buffer);
	return state_of(result);
}

/* ---- publish ---- */

bool bootstrap_command_from_pairs(enum message_type type, const char *const pairs[], size_t count,
				  struct arena *arena, struct bytes *payload, const char **error)
{
	return codec_command_from_pairs(type, pairs, count, arena, payload, error);
}

bool bootstrap_publish(const struct config *config, enum message_type type, struct bytes payload,
		       struct arena *arena, int64_t *listeners, const char **error)
{
	const char *channel = arena_printf(arena, "%s%s", config->prefix, message_name(type));
	char trouble[REDIS_TROUBLE_MAX], place[REDIS_PLACE_MAX];
	struct url_source url = bootstrap_redis_url(config);

	if (publish_once_publish(&url, system_random(), channel, payload, listeners, trouble))
		return true;
	redis_url_place(&url, place);
	*error = arena_printf(arena, "%s: %s", place, trouble);
	return false;
}

/* ---- tail ---- */

static const enum message_type events_heard[] = {MSG_LINE_ALLOCATED, MSG_LINE_DEALLOCATED, MSG_OUT_OF_STOCK};

struct tail {
	struct redis_settings redis;
	struct redis_subscriber *subscriber;
	struct logger *logger;
	tail_heard *heard;
	void *context;
};

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	const struct tail *tail = context;
	struct arena *arena = arena_new(4096);
	const char *json, *error;

	(void)true_size;
	if (codec_payload_to_line(payload, arena, &json, &error))
		tail->heard(tail->context, message_name(type), json);
	else
		LOG(tail->logger, LOG_WARN, "not an event", LOG_TEXT("channel", channel),
		    LOG_TEXT("error", error));
	arena_free(&arena);
}

struct tail *tail_new(struct event_base *base, const struct config *config, struct logger *logger,
		      tail_heard *heard, void *context)
{
	static const struct redis_listener listener = {.message = on_message};
	struct tail *tail = must_alloc(sizeof *tail);

	tail->redis = (struct redis_settings){
		.base = base,
		.url = bootstrap_redis_url(config),
		.random = system_random(),
		.logger = logger,
		.demands.replica_will_do = true, /* it hears what its master hears */
	};
	tail->logger = logger;
	tail->heard = heard;
	tail->context = context;
	tail->subscriber = redis_subscriber_new(&tail->redis,
						&(struct redis_subscriber_config){
							.name = "allocd-tail",
							.prefix = config->prefix,
							.types = events_heard,
							.count = sizeof events_heard / sizeof events_heard[0],
						},
						&listener, tail);
	return tail;
}

const char *tail_trouble(const struct tail *tail, struct arena *arena)
{
	const char *trouble = redis_subscriber_trouble(tail->subscriber);
	char place[REDIS_PLACE_MAX];

	redis_url_place(&tail->redis.url, place);
	return trouble ? arena_printf(arena, "%s: %s", place, trouble) : NULL;
}

void tail_free(struct tail **place)
{
	struct tail *tail = *place;

	if (!tail)
		return;
	redis_subscriber_free(&tail->subscriber);
	free(tail);
	*place = NULL;
}
