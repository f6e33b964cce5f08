/* Text that Postgres takes. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_UTF8_H
#define ALLOCD_ADAPTERS_POSTGRES_UTF8_H

#include "core/arena.h"

/* A copy in which every byte that is not part of a well-formed UTF-8 sequence is a question mark. */
char *utf8_repaired(struct arena *arena, const char *text);

#endif
