/* Sets up the process, the log and the codec of a program of this project, and checks its settings. */
#include "entrypoints/main/setup.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/postgres.h"
#include "adapters/redis/connection/redis_connection.h"
#include "adapters/redis/connection/tls.h"
#include "adapters/redis/server/redis_url.h"
#include "adapters/smtp/smtp_url.h"
#include "adapters/system/descriptors.h"
#include "adapters/system/logger.h"
#include "adapters/system/random.h"
#include "core/base/container_of.h"
#include "core/base/hash.h"
#include "core/base/must.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/main/server_urls.h"
#include "entrypoints/main/tracing.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the process ---- */

/* More than the program ever opens. */
#define DESCRIPTORS_WANTED ((size_t)4096)

/*
 * libevent and jansson end the process, too, when there is no memory.  Few of their callers could do anything
 * else, and one that misses it leaves a timer unset or a member out of an answer.
 */
static void set_allocators(void)
{
	event_set_mem_functions(must_malloc, must_realloc, free);
	json_set_alloc_funcs(must_malloc, free);
}

/* The key is random, so that a sender of messages cannot choose names that collide. */
static void set_hash_key(void)
{
	uint64_t key[HASH_KEY_WORDS];

	system_random()->fill(system_random(), key, sizeof key);
	hash_set_key(key);
}

bool setup_process(void)
{
	set_allocators();
	/* Writing to a closed connection or pipe then fails with EPIPE instead of ending the program. */
	signal(SIGPIPE, SIG_IGN);
	if (!descriptors_open_standard())
		return false;
	descriptors_raise_limit(DESCRIPTORS_WANTED);
	set_hash_key();
	return true;
}

/* ---- the log ---- */

/* A global, because libevent hands its callback no context. */
static struct logger *libevents_logger;

/*
 * Whether the kernel had no memory, or no watch left, for a descriptor.  libevent only warns, and never
 * reports that the descriptor is readable: an address takes connections and does not answer.
 */
static bool is_unwatched(const char *message)
{
	static const char begin[] = "Epoll ";

	return strncmp(message, begin, strlen(begin)) == 0 &&
	       (strstr(message, strerror(ENOMEM)) || strstr(message, strerror(ENOSPC)));
}

/* Any HTTP client can provoke libevent's other warnings, so they are logged at the level debug. */
static void on_libevent_log(int severity, const char *message)
{
	if (is_unwatched(message)) {
		LOG(libevents_logger, LOG_ERROR, "a descriptor cannot be watched",
		    LOG_TEXT("error", message));
		_exit(STATUS_TRY_AGAIN);
	}
	LOG(libevents_logger, severity == EVENT_LOG_ERR ? LOG_ERROR : LOG_DEBUG, "libevent",
	    LOG_TEXT("error", message));
}

struct logger *setup_logger_new(const struct config *config)
{
	struct system_logger *logger = must_alloc(sizeof *logger);

	system_logger_init(logger, STDERR_FILENO, (enum log_level)config->log_level,
			   config->log_format == LOG_AS_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
	libevents_logger = &logger->logger;
	event_set_log_callback(on_libevent_log);
	return &logger->logger;
}

void setup_logger_free(struct logger **logger)
{
	event_set_log_callback(NULL);
	system_logger_release(container_of(*logger, struct system_logger, logger));
	free(*logger);
	*logger = NULL;
}

/* ---- settings ---- */

/* Enough for the event loop, a connection to each service, and the threads that resolve their names. */
#define DESCRIPTORS_MIN ((size_t)16)

static void check_redis(const struct config *config, unsigned uses, struct faults *faults)
{
	const struct tls_files files = redis_url(config).tls_files;
	char error[REDIS_TROUBLE_MAX];
	struct redis_url url;
	const char *defect;
	bool has_tls;

	if (!redis_url_parse(&url, config->redis_url, &defect)) {
		faults_add(faults, "REDIS_URL: %s", defect);
		return;
	}
	has_tls = url.tls;
	redis_url_release(&url);
	if (!(uses & REDIS_USERS))
		return;
	if (!has_tls && (*files.authorities || *files.certificate))
		faults_add(faults,
			   "%s: expected nothing, because REDIS_URL does not begin with rediss:// or "
			   "rediss+sentinel://",
			   *files.authorities ? "ALLOCD_REDIS_CA_FILE" : "ALLOCD_REDIS_CERT_FILE");
	if (has_tls && !tls_files_check(&files, error, sizeof error))
		faults_add(faults, "%s", error);
}

void setup_check(const struct config *config, unsigned uses, struct faults *faults)
{
	size_t descriptors = descriptors_free(DESCRIPTORS_MIN);
	struct smtp_url smtp_url = {0};
	const char *defect;

	if (descriptors < DESCRIPTORS_MIN)
		faults_add(
			faults,
			"expected at least %zu free file descriptors, found %zu: raise the limit (ulimit -n)",
			DESCRIPTORS_MIN, descriptors);
	check_redis(config, uses, faults);
	if (config->smtp_url[0] && !smtp_url_parse(&smtp_url, config->smtp_url, &defect))
		faults_add(faults, "ALLOCD_SMTP_URL: %s", defect);
	smtp_url_release(&smtp_url);
	tracing_check(config, faults);
	defect = postgres_conninfo_defect(config->database_url);
	if (defect)
		faults_add(faults, "DATABASE_URL: %s", defect);
}

/* ---- events ---- */

struct codec *setup_codec_new(const struct config *config)
{
	return codec_new(&(struct codec_config){
		.encoding = config->encoding == EVENT_MSGPACK ? CODEC_MSGPACK : CODEC_JSON,
		.envelope = config->envelope == EVENT_CLOUDEVENTS ? CODEC_CLOUDEVENTS : CODEC_BARE,
		.source = config->source,
	});
}
