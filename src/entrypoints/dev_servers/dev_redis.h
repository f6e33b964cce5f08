/* A private Redis, at a port of 127.0.0.1. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_REDIS_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_REDIS_H

#include "entrypoints/dev_servers/dev_process.h"
#include "entrypoints/dev_servers/dev_site.h"

struct dev_redis {
	struct dev_process process;
	const char *url, *worker_url; /* the worker has a user of its own */
};

/* In two steps: starts it, and waits until it answers.  False after it has reported why. */
bool dev_redis_begin(struct dev_redis *redis, const struct dev_site *site);
bool dev_redis_await(struct dev_redis *redis, const struct dev_site *site);

/* Closes the worker's connections, and drops what they sent last; removes every key.  False: see *error. */
bool dev_redis_empty(const struct dev_redis *redis, struct arena *arena, const char **error);

void dev_redis_stop(struct dev_redis *redis, bool is_kept);

#endif
