/*
 * Samples the status of the worker once a second, however many look at it.
 *
 * Readiness must not be a second old: a look refreshes the sample when it is older than SAMPLE_FRESH_MS, or
 * than a millisecond while the worker is not ready, because clients wait for it then.  That asks no service:
 * the sampler itself asks the database once a second whether it answers reads.
 */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_SAMPLER_H
#define ALLOCD_ENTRYPOINTS_STATUS_SAMPLER_H

#include "bus/ports/clock.h"
#include "bus/ports/logger.h"
#include "bus/ports/views.h"
#include "entrypoints/status/observation.h"
#include "entrypoints/status/series.h"

#define SAMPLE_MS       1000
#define SAMPLE_FRESH_MS 10

/* How long a read of the database may take until it is a trouble. */
#define SAMPLE_READ_MS 5000

enum awaited_service { AWAITS_NO_SERVICE, AWAITS_DATABASE, AWAITS_REDIS };

/*
 * What the worker waits for before it starts, in `arena`, such as "waiting for Redis since …: …"; "":
 * nothing. *service is the one that is in trouble.
 */
typedef const char *sampler_awaited(void *context, struct arena *arena, enum awaited_service *service);

/* Reports what the parts of the worker know; texts may live in `arena`.  `observation` is zeroed. */
typedef void sampler_observe(void *context, struct observation *observation, struct arena *arena);

struct sampler;

/* `name` is copied; the others outlive the sampler. */
struct sampler *sampler_new(struct clock *clock, struct logger *logger, const char *name);

/* The views must not call back any more.  Accepts NULL in *sampler and nulls it. */
void sampler_free(struct sampler **sampler);

/* Sets what is asked until sampler_start(). */
void sampler_await(struct sampler *sampler, sampler_awaited *awaited, void *context);

/* The worker does its work from now on. */
void sampler_start(struct sampler *sampler, struct views *views, sampler_observe *observe, void *context);

/* Says in the status whether changes are allowed under /admin. */
void sampler_allow_admin_writes(struct sampler *sampler, bool are_allowed);

/* The worker stops. */
void sampler_stop(struct sampler *sampler);

/* The status now, or as it was within SAMPLE_FRESH_MS; valid until the event loop turns. */
const struct status *sampler_status(struct sampler *sampler);

/* The figures of the last day; valid as long as the sampler is. */
const struct series *sampler_series(const struct sampler *sampler);

#endif
