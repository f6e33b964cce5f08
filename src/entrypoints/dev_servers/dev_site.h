/* What the servers of a run of allocd-dev share. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_SITE_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_SITE_H

#include "core/base/arena.h"
#include "entrypoints/dev_servers/dev_directory.h"
#include "entrypoints/dev_servers/dev_programs.h"

/* How long each server may take to start. */
#define DEV_START_MS 60000

struct dev_site {
	struct dev_programs programs;
	struct dev_user user;
	struct dev_directory directory;
	const char *const *environment; /* of this process */
	bool is_quiet;                  /* the worker logs to a file */
	int link;                       /* see dev_wait.h */
	struct arena *arena;            /* lives as long as the run */
};

/* The directory of the servers' data. */
static inline const char *dev_site_data(const struct dev_site *site)
{
	return site->directory.kept ? site->directory.kept : site->directory.scratch;
}

#endif
