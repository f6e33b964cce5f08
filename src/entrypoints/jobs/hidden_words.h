/*
 * Words of the command line that come by standard input: every user of a machine can read the command line of
 * each process (proc(5), /proc/PID/cmdline), and what an operator wrote must not be there.
 */
#ifndef ALLOCD_ENTRYPOINTS_JOBS_HIDDEN_WORDS_H
#define ALLOCD_ENTRYPOINTS_JOBS_HIDDEN_WORDS_H

#include "core/base/arena.h"

#include <stdio.h>

/* As the last word: further ones follow on standard input, each ended by NUL. */
#define WORDS_FROM_STDIN "--words-from-stdin"

#define HIDDEN_WORDS_MAX ((size_t)8 * 1024 * 1024) /* bytes */

/*
 * `words`, as in argv, or a copy in `arena` with those that `in` has in the place of the last one.  NULL,
 * with one line in *error, when these are no words.
 */
const char *const *hidden_words_read(const char *const words[], FILE *in, struct arena *arena,
				     const char **error);

#endif
