/*
 * Commands from Redis: the subscription with its heartbeat, the streams, and the checkpoints of both.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_REDIS_INTAKE_H
#define ALLOCD_ENTRYPOINTS_MAIN_REDIS_INTAKE_H

#include "adapters/postgres/postgres.h"
#include "adapters/redis/publisher/redis_publisher.h"
#include "bus/engine/engine.h"
#include "entrypoints/config/config.h"
#include "entrypoints/metrics/metrics.h"
#include "entrypoints/status/observation.h"

/* All parts outlive the intake. */
struct redis_intake_parts {
	const struct config *config;
	struct logger *logger;
	struct codec *codec;
	struct clock *clock;
	struct engine *engine;
	const struct redis_settings *redis;
	struct redis_publisher *publisher;
	const struct postgres_config *postgres;
};

struct redis_intake;

/*
 * The name of this worker, the same at every start: that of its host, and the port of HTTP.  So a worker
 * finds its own pending entries again, and two on one machine differ, for they cannot listen on the same
 * port.
 */
const char *redis_intake_worker_name(const struct config *config, struct arena *arena);

/* Connects, and submits commands to the engine as soon as Redis is reachable. */
struct redis_intake *redis_intake_new(const struct redis_intake_parts *parts);

/* Submits nothing to the engine afterwards.  Accepts NULL in *intake and nulls it. */
void redis_intake_free(struct redis_intake **intake);

/* Submits no further command; stream entries that were submitted are still acknowledged. */
void redis_intake_stop(struct redis_intake *intake);

/*
 * Whether every submitted stream entry is acknowledged, and every message of the subscription has its
 * outcome; after the stop, also whether the leases are handed over, so that nothing will be submitted.
 */
bool redis_intake_is_idle(const struct redis_intake *intake);

/* The number of stream entries that were submitted and are not acknowledged yet. */
size_t redis_intake_unacknowledged(const struct redis_intake *intake);

/* To be called whenever the publisher has connected. */
void redis_intake_publisher_is_up(struct redis_intake *intake);

/* Reports what keeps commands from being received, and the inputs; texts live in `arena`. */
void redis_intake_observe(const struct redis_intake *intake, struct observation *observation,
			  struct arena *arena);

/* Why a connection of the intake is down; NULL when all are up. */
const char *redis_intake_connection_trouble(const struct redis_intake *intake);

void redis_intake_measure(const struct redis_intake *intake, struct metrics *metrics);

#endif
