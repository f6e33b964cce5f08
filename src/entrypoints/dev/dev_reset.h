/*
 * Resets the installation: afterwards it is like a new one.
 *
 * The worker is killed and another one started, because a worker remembers products, ids and events.  In
 * between the tables get the rows that the migrations put there, and Redis is emptied.
 */
#ifndef ALLOCD_ENTRYPOINTS_DEV_DEV_RESET_H
#define ALLOCD_ENTRYPOINTS_DEV_DEV_RESET_H

#include "entrypoints/dev_servers/dev_postgres.h"
#include "entrypoints/dev_servers/dev_redis.h"
#include "entrypoints/dev_servers/dev_worker.h"

struct dev_servers {
	struct dev_postgres postgres;
	struct dev_redis redis;
	struct dev_worker worker;
};

/* Copies the rows of a new installation, before its first worker runs.  False: it was reported why not. */
bool dev_reset_prepare(struct dev_servers *servers);

/* Adds to them what the first worker recorded of itself when it started, so that others need not. */
bool dev_reset_note_installation(struct dev_servers *servers);

/* False: see *error, in `arena`; a worker runs in any case, if one can. */
bool dev_reset(struct dev_servers *servers, const struct dev_site *site, struct arena *arena,
	       const char **error);

#endif
