/* Reads files that hold a setting with a password, such as the one that DATABASE_URL_FILE names. */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_SECRET_FILE_H
#define ALLOCD_ENTRYPOINTS_CONFIG_SECRET_FILE_H

#include "core/base/arena.h"

#include <stdbool.h>

#define SECRET_FILE_MAX 4096 /* bytes */

/* The time that a pipe has to deliver the whole text at start.  Later reads do not wait. */
#define SECRET_FILE_WAIT_MS 5000

struct secret_file {
	const char *text; /* without the newline at its end; in the arena */
	bool is_regular;  /* it can be read again; a pipe cannot */
	bool is_world_readable;
};

/*
 * Reads a text of 1 to SECRET_FILE_MAX bytes.  On failure it returns false, with one line in *error that
 * names the path and the reason.  It blocks for up to `wait_ms` for a pipe to deliver the text.
 */
bool secret_file_read(struct secret_file *file, const char *path, int wait_ms, struct arena *arena,
		      const char **error);

#endif
