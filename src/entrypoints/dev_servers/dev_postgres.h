/* A private Postgres, on a socket in the scratch directory. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_POSTGRES_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_POSTGRES_H

#include "adapters/postgres/tools/blocking_client.h"
#include "entrypoints/dev_servers/dev_process.h"
#include "entrypoints/dev_servers/dev_site.h"

/* The worker's own user: its sessions and its tables are known by it. */
#define DEV_WORKER "worker"

struct dev_postgres {
	struct dev_process process;
	const char *folder, *sockets;
	const char *url, *worker_url;  /* of the database */
	struct blocking_client client; /* of the database, once it is open */
};

/*
 * In steps, because initdb takes its time: the first makes the cluster unless it is kept from an earlier run,
 * in the background; the second waits for it, and starts the server with the database and its users.  False
 * after it has reported why.
 */
bool dev_postgres_begin(struct dev_postgres *postgres, const struct dev_site *site);
bool dev_postgres_start(struct dev_postgres *postgres, const struct dev_site *site);

/* Connects `client`.  False: see its `text`. */
bool dev_postgres_connect(struct dev_postgres *postgres);

void dev_postgres_stop(struct dev_postgres *postgres, bool is_kept);

#endif
