/* Names the user of the program, for the record of changes. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_AUDIT_USER_H
#define ALLOCD_ENTRYPOINTS_CLI_AUDIT_USER_H

#include "core/base/arena.h"

/* "login@host", printable and bounded, in `arena`.  Under sudo it is the user that called sudo. */
const char *audit_user_name(struct arena *arena);

#endif
