/*
 * Where a server's URL comes from: a setting, or a file that changes when a password is rotated.
 *
 * An adapter keeps no URL.  It reads it at every attempt to connect, so that a rotated password needs no
 * restart.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_URL_SOURCE_H
#define ALLOCD_ADAPTERS_SYSTEM_URL_SOURCE_H

#include "core/base/arena.h"

#include <stdbool.h>

/*
 * Returns the current URL: the setting's own text, or the text of the file, which is in `arena`.  The caller
 * does not free it, and copies what it keeps.  On failure returns NULL, and *error is one line, valid as long
 * as `arena`, that names the setting or the file and repeats no part of the URL; the caller retries as it
 * does for an unreachable server.
 */
typedef const char *url_read(void *context, struct arena *arena, const char **error);

/* PEM files for TLS; each is NULL or "" when it is not set. */
struct tls_files {
	const char *authorities; /* trusted instead of the system's */
	const char *certificate; /* the client's, with the intermediate ones; set together with its key */
	const char *key;
};

/* `context` and the names of the files outlive every copy of the source. */
struct url_source {
	url_read *read;
	void *context;
	bool pooled; /* of Postgres: a pooler may lend a session of the server for one transaction only */
	struct tls_files tls_files; /* of Redis */
};

/* A URL that never changes: `context` is the text. */
const char *url_read_text(void *context, struct arena *arena, const char **error);

#endif
