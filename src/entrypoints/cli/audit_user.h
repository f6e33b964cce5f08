/* Who calls the program. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_AUDIT_USER_H
#define ALLOCD_ENTRYPOINTS_CLI_AUDIT_USER_H

#include "core/base/arena.h"

/* "login@host", for the record: who called sudo, when somebody did.  In `arena`, printable, not long. */
const char *audit_user_name(struct arena *arena);

#endif
