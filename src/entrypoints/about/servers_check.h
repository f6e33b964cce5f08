/* Connects to Postgres and Redis once, to find out whether the settings lead there. */
#ifndef ALLOCD_ENTRYPOINTS_ABOUT_SERVERS_CHECK_H
#define ALLOCD_ENTRYPOINTS_ABOUT_SERVERS_CHECK_H

#include "entrypoints/cli/commands.h"

/*
 * Adds a fault for each that cannot be used.  Returns STATUS_UNAVAILABLE when one cannot be reached, or
 * STATUS_CONFIGURATION when another attempt would be useless, too.
 */
enum exit_status servers_check(const struct config *config, struct faults *faults);

#endif
