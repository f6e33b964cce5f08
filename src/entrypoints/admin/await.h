/* Waits for the outcome of a message, for `allocd await` and `allocd publish --wait`. */
#ifndef ALLOCD_ENTRYPOINTS_ADMIN_AWAIT_H
#define ALLOCD_ENTRYPOINTS_ADMIN_AWAIT_H

#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/poll_deadline.h"

#define AWAIT_TIMEOUT_MS 10000

/*
 * Waits for the outcome in the open database and prints it, as JSON with --json.  Returns the exit status,
 * whose reason is on standard error.
 */
enum exit_status await_outcome(struct tools *tools, const char *id, struct poll_deadline *deadline);

#endif
