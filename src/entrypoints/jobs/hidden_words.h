/*
 * Reads arguments from standard input instead of the command line, because every user of a machine can read
 * the command line of each process (proc(5), /proc/PID/cmdline), and what an operator wrote must stay hidden.
 */
#ifndef ALLOCD_ENTRYPOINTS_JOBS_HIDDEN_WORDS_H
#define ALLOCD_ENTRYPOINTS_JOBS_HIDDEN_WORDS_H

#include "core/base/arena.h"

#include <stdio.h>

/* The last argument, when further ones follow on standard input, each ended by NUL. */
#define WORDS_FROM_STDIN "--words-from-stdin"

#define HIDDEN_WORDS_MAX ((size_t)8 * 1024 * 1024) /* bytes */

/*
 * Returns `words`, as in argv.  If the last one is WORDS_FROM_STDIN, returns a copy in `arena` in which the
 * words of `in` replace it, or NULL, with one line in *error, when `in` has no words or too many.
 */
const char *const *hidden_words_read(const char *const words[], FILE *in, struct arena *arena,
				     const char **error);

#endif
