/* The operator who makes a request, as the history and the log name them. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_OPERATOR_H
#define ALLOCD_ENTRYPOINTS_HTTP_ADMIN_ADMIN_OPERATOR_H

#include "core/base/arena.h"

/* Characters of the name in X-Operator, and what is said of another one. */
#define OPERATOR_MAX      64
#define OPERATOR_EXPECTED "Expected 1 to 64 printable characters without @, percent-encoded, in X-Operator"

/*
 * "page:NAME@ADDRESS", in `arena`.  `given` is the header X-Operator; without one, NULL, the name is
 * "unknown".  NULL: it holds no name.  An @ would make it doubtful where the address begins.
 */
const char *admin_operator(const char *given, const char *address, struct arena *arena);

#endif
