/*
 * Where a server's URL comes from: a setting, or a file that changes when a password is rotated.
 *
 * An adapter keeps no URL.  It asks for it at every attempt to connect, so that a rotated password needs no
 * restart.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_URL_SOURCE_H
#define ALLOCD_ADAPTERS_SYSTEM_URL_SOURCE_H

#include "core/arena.h"

/*
 * Returns the URL as it is now, in `arena`.  NULL when it cannot be had, and then *error says why in one line
 * that names the setting or the file and repeats nothing of the URL; the caller tries again as for a server
 * that is away.
 */
typedef const char *url_read(void *context, struct arena *arena, const char **error);

/* `context` outlives whoever holds the source. */
struct url_source {
	url_read *read;
	void *context;
};

/* A URL that never changes: `context` is the text. */
const char *url_read_text(void *context, struct arena *arena, const char **error);

#endif
