/* Who calls the program. */
#ifndef ALLOCD_ENTRYPOINTS_OPERATOR_H
#define ALLOCD_ENTRYPOINTS_OPERATOR_H

#include "core/arena.h"

/* "login@host", for the record: who called sudo, when somebody did.  In `arena`, printable, not long. */
const char *operator_name(struct arena *arena);

#endif
