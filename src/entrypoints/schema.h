/* The database's schema, brought up to date or checked, once the database is there. */
#ifndef ALLOCD_ENTRYPOINTS_SCHEMA_H
#define ALLOCD_ENTRYPOINTS_SCHEMA_H

#include "entrypoints/commands.h"

/*
 * Waits for the database as long as ALLOCD_START_WAIT allows.  Anything but STATUS_DONE is what the program
 * ends with, and is logged.
 */
enum exit_status schema_prepare(const struct config *config, bool migrate, struct logger *logger);

#endif
