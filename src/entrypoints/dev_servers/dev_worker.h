/* The worker: `allocd run`, as a child. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_WORKER_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_WORKER_H

#include "entrypoints/config/config.h"
#include "entrypoints/dev_servers/dev_process.h"
#include "entrypoints/dev_servers/dev_site.h"

struct dev_worker {
	struct dev_process process;
	const char *const *environment; /* DATABASE_URL_FILE is `gate` */
	const char *gate, *database_url;
	struct listen_address http;
};

/* Makes the gate.  False after it has reported why not. */
bool dev_worker_prepare(struct dev_worker *worker);

/* Makes or updates the database's schema.  False after it has reported why not. */
bool dev_worker_migrate(struct dev_worker *worker, const struct dev_site *site);

/*
 * Starts it, but it waits, for 5 s at most, before it uses any server or port: the gate is a pipe in the file
 * system, from which it reads the URL of its database.
 */
bool dev_worker_load(struct dev_worker *worker, const struct dev_site *site);

/* Opens the gate.  A worker that has ended is started again. */
bool dev_worker_go(struct dev_worker *worker, const struct dev_site *site);

/*
 * Waits until the worker is ready.  False when it has ended (see its process), or is not ready after
 * DEV_START_MS, or the link is closed.
 */
bool dev_worker_await(struct dev_worker *worker, const struct dev_site *site);

/* Ends it in order. */
void dev_worker_stop(struct dev_worker *worker);

#endif
