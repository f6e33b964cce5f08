/* The database's schema, brought up to date or checked, once the database is there. */
#include "entrypoints/schema.h"

#include "entrypoints/bootstrap.h"

#include <time.h>

#define PAUSE_MS 500

/* An attempt gets that long at least, however little time is left. */
#define ATTEMPT_MS_MIN 5000

struct preparation {
	const struct config *config;
	bool migrate;
	struct logger *logger;
	struct arena *arena;
	int64_t deadline_ms;
	bool told; /* that it waits */
};

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int attempt_ms(const struct preparation *preparation)
{
	int64_t left = preparation->deadline_ms - now_ms();

	return (int)(left > ATTEMPT_MS_MIN ? left : ATTEMPT_MS_MIN);
}

static void wait_a_moment(struct preparation *preparation, const char *reason)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	if (!preparation->told)
		LOG(preparation->logger, LOG_INFO, "waiting for the database", LOG_TEXT("reason", reason));
	preparation->told = true;
	nanosleep(&pause, NULL);
}

static enum exit_status give_up(const struct preparation *preparation, const char *message,
				const char *reason, enum exit_status status)
{
	LOG(preparation->logger, LOG_ERROR, message, LOG_TEXT("reason", reason));
	return status;
}

static enum exit_status attempt(struct preparation *preparation)
{
	const char *reason;

	for (;;) {
		switch (bootstrap_schema(preparation->config, preparation->migrate, attempt_ms(preparation),
					 preparation->logger, preparation->arena, &reason)) {
		case SCHEMA_FITS:
			return STATUS_DONE;
		case SCHEMA_REFUSED:
			return give_up(preparation, "the database does not fit this program", reason,
				       STATUS_CONFIGURATION);
		case SCHEMA_BROKEN:
			return give_up(preparation, "migrating the database failed", reason, STATUS_FAILED);
		case SCHEMA_AWAY:
			break;
		}
		if (now_ms() + PAUSE_MS > preparation->deadline_ms)
			return give_up(preparation, "the database cannot be reached", reason,
				       STATUS_UNAVAILABLE);
		wait_a_moment(preparation, reason);
	}
}

enum exit_status schema_prepare(const struct config *config, bool migrate, struct logger *logger)
{
	struct preparation preparation = {
		.config = config,
		.migrate = migrate,
		.logger = logger,
		.arena = arena_new(4096),
		.deadline_ms = now_ms() + 1000 * (int64_t)config->start_wait_s,
	};
	enum exit_status status = attempt(&preparation);

	arena_free(&preparation.arena);
	return status;
}
