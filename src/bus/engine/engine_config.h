/* What can be configured about the engine. */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_CONFIG_H
#define ALLOCD_BUS_ENGINE_ENGINE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct unit_of_work;

#define CACHE_BYTES_DEFAULT    ((size_t)22 * 1024 * 1024)
#define CACHED_BATCHES_DEFAULT 16384

struct engine_config {
	size_t unit_max;       /* the most messages in a unit of work */
	size_t lanes;          /* units in flight, 1 to LANES_MAX */
	size_t backlog;        /* waiting messages from which several lanes work; 0: they always do */
	size_t queue_max;      /* messages that wait or are in flight; */
	size_t queue_bytes;    /* and their bytes: above either, the queue is full */
	size_t cache_bytes;    /* of products that the lanes keep between units; 0: CACHE_BYTES_DEFAULT */
	size_t cached_batches; /* whose SKUs it keeps; 0: CACHED_BATCHES_DEFAULT */
	bool no_chores; /* no notifications, no tidying, no shrinks but its own: for an operator's command */
	/*
	 * A tool leaves publishing to the workers while the broker is away, and commits events all the
	 * same.
	 */
	bool needs_no_broker;
	bool is_dry_run; /* logs no outcome, because nothing has happened */
	int move_max;    /* lines that one step of a shrink moves at most; MOVE_MAX_DEFAULT but for tests */
	bool rejection_events; /* each dead letter raises the event command_rejected */
	int notify_tries;      /* attempts before a notification becomes a dead letter; 0: 20 */
	int notify_retry_s;    /* before the second attempt; doubles each time, up to an hour; 0: 10 */

	/* Called for each unit of work that was committed, before its messages are answered.  Or NULL. */
	void (*committed)(void *context, const struct unit_of_work *uow);
	void *committed_context;
};

#endif
