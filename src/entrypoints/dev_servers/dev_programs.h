/* Finds the programs that allocd-dev runs. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_PROGRAMS_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_PROGRAMS_H

#include "core/base/arena.h"

#include <stdbool.h>

struct dev_programs {
	const char *initdb, *postgres; /* of one folder, and so of one version */
	const char *redis;             /* redis-server */
	const char *allocd;
	const char *folder; /* of allocd */
};

/* False after it has reported which one is missing, and how to install it.  The paths are in `arena`. */
bool dev_programs_find(struct dev_programs *programs, struct arena *arena);

#endif
