/* Files that hold a setting which may hold a password, such as DATABASE_URL_FILE names. */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_SECRET_FILE_H
#define ALLOCD_ENTRYPOINTS_CONFIG_SECRET_FILE_H

#include "core/base/arena.h"

#include <stdbool.h>

#define SECRET_FILE_MAX 4096 /* bytes */

/* How long a pipe may take to deliver the whole text at the start.  Later nothing is waited for. */
#define SECRET_FILE_WAIT_MS 5000

struct secret_file {
	const char *text; /* without the newline at its end; in the arena */
	bool is_regular;  /* it can be read again; a pipe cannot */
	bool is_world_readable;
};

/*
 * False, with one line in *error that names the path and says why, when there is no text of 1 to
 * SECRET_FILE_MAX bytes.  `wait_ms`: how long a pipe is waited for; meanwhile the caller stands still.
 */
bool secret_file_read(struct secret_file *file, const char *path, int wait_ms, struct arena *arena,
		      const char **error);

#endif
