/* Puts a worker together: gives each of its ports an adapter. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_WORKER_H
#define ALLOCD_ENTRYPOINTS_MAIN_WORKER_H

#include "bus/engine/engine.h"
#include "entrypoints/cli/commands.h"
#include "entrypoints/http/http_api.h"
#include "entrypoints/status/sampler.h"

struct event_base;
struct worker;

/*
 * Binds the HTTP address, where the worker then reports itself alive and not ready.  NULL when the address or
 * the file descriptors are not available, which is logged; *status is then the program's exit status.
 */
struct worker *worker_new(const struct config *config, struct logger *logger, enum exit_status *status);

/* Makes all other parts, connects, and accepts commands from Redis as soon as it is reachable. */
void worker_start(struct worker *worker);

/* Why Redis cannot be used yet, in `arena`; NULL when it can. */
const char *worker_redis_trouble(const struct worker *worker, struct arena *arena);

/* The setting that keeps the worker from using this Redis; NULL when no such setting is known. */
const char *worker_redis_defect(const struct worker *worker);

/* Begins to serve commands and reads over HTTP, and to judge whether the worker is ready. */
void worker_serve(struct worker *worker);

/* Accepts no further command. */
void worker_stop_intake(struct worker *worker);

/* After the stop: whether every accepted command is finished, published and acknowledged. */
bool worker_is_done(const struct worker *worker);

/* Sends the traces that wait at once; whether some still wait. */
void worker_flush_traces(struct worker *worker);
bool worker_has_traces(const struct worker *worker);

/* The number of stream entries that were accepted and are not acknowledged yet. */
size_t worker_unacknowledged(const struct worker *worker);

struct event_base *worker_base(const struct worker *worker);
struct engine *worker_engine(const struct worker *worker);
struct http_api *worker_http(const struct worker *worker); /* NULL: HTTP is off */
struct sampler *worker_sampler(const struct worker *worker);

/* Accepts NULL in *worker and nulls it. */
void worker_free(struct worker **worker);

#endif
