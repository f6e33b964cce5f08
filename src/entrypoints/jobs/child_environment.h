/* The environment of a command that the worker runs: the worker's own settings, from its options, too. */
#ifndef ALLOCD_ENTRYPOINTS_JOBS_CHILD_ENVIRONMENT_H
#define ALLOCD_ENTRYPOINTS_JOBS_CHILD_ENVIRONMENT_H

#include "entrypoints/config/config.h"

/*
 * `environment`, as in environ, with the settings that were given as options.  A secret in a file stays in
 * it, unless it cannot be read again.  Secrets that no command about dead letters uses are left out.  All of
 * it lives in `arena` or in `environment`.
 */
const char *const *child_environment(const struct config *config, const char *const environment[],
				     struct arena *arena);

#endif
