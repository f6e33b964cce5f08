/*
 * The worker's ways in from Redis, put together: the subscription with its heartbeat, the streams, and what
 * is written down about both.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_REDIS_INTAKE_H
#define ALLOCD_ENTRYPOINTS_MAIN_REDIS_INTAKE_H

#include "adapters/postgres/postgres.h"
#include "adapters/redis/publisher/redis_publisher.h"
#include "bus/engine/engine.h"
#include "entrypoints/config/config.h"
#include "entrypoints/http/metrics.h"

/* All of them outlive the intake. */
struct redis_intake_parts {
	const struct config *config;
	struct logger *logger;
	struct clock *clock;
	struct engine *engine;
	const struct redis_settings *redis;
	struct redis_publisher *publisher;
	const struct postgres_config *postgres;
};

struct redis_intake;

/* Connects, and takes commands as soon as Redis is there. */
struct redis_intake *redis_intake_new(const struct redis_intake_parts *parts);

/* The engine takes nothing from here any more.  Accepts NULL in *intake and nulls it. */
void redis_intake_free(struct redis_intake **intake);

/* No command is taken any more; what was taken is acknowledged. */
void redis_intake_stop(struct redis_intake *intake);

/* Whether each stream entry that was taken is acknowledged; after the stop, that none will be taken, too. */
bool redis_intake_is_idle(const struct redis_intake *intake);

/* How many stream entries were taken and are not acknowledged yet. */
size_t redis_intake_unacknowledged(const struct redis_intake *intake);

/* The publisher came up, once more perhaps. */
void redis_intake_publisher_is_up(struct redis_intake *intake);

/*
 * Whether something keeps commands from being taken as they should be, or Redis from being published on.  The
 * text, in `arena`, says what to do as well.
 */
bool redis_intake_trouble(const struct redis_intake *intake, struct arena *arena,
			  struct engine_trouble *trouble);

/* The connections' trouble alone; NULL: there is none. */
const char *redis_intake_connection_trouble(const struct redis_intake *intake);

void redis_intake_measure(const struct redis_intake *intake, struct metrics *metrics);

#endif
