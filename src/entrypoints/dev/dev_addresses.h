/* Where the servers of allocd-dev are, for a person, for a program, and as environment variables. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_DEV_ADDRESSES_H
#define ALLOCD_ENTRYPOINTS_DEV_DEV_ADDRESSES_H

#include "core/base/arena.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The keeper sends these bytes to the process that the user started. */
struct dev_addresses {
	char database_url[PATH_MAX];
	char redis_url[96];
	char http[32];    /* HOST:PORT of the worker */
	char dev_url[64]; /* of allocd-dev itself */
};

struct dev_variable {
	const char *name, *value; /* NULL: the variable is only left out */
};

/* `environment` with the variables set, and without those that name files for them (REDIS_URL_FILE). */
const char *const *dev_environment(const char *const environment[], const struct dev_variable variables[],
				   size_t count, struct arena *arena);

/* The environment of COMMAND: with the addresses, and with allocd's folder at the end of PATH. */
const char *const *dev_command_environment(const char *const environment[], const struct dev_addresses *at,
					   const char *folder, struct arena *arena);

/* Prints them on standard output. */
void dev_addresses_print(const struct dev_addresses *at, const char *allocd, bool is_kept);
void dev_addresses_print_json(const struct dev_addresses *at);

#endif
