/* Which dead letters a command is about: its arguments and options, as a filter. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_FILTER_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_FILTER_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/cli/commands.h"

/* False, with one line in *error, when something was given that cannot be. */
bool dead_letter_query(const struct invocation *invocation, struct dead_letter_filter *filter,
		       const char **error);

/* "90s", "15m", "2h", "7d", "90": as seconds; a hundred years at most. */
bool age_to_seconds(const char *text, int64_t *seconds);

/* An option that is a number, from 1 on; 0 when it was not given.  Fails as dead_letter_query() does. */
bool positive_option(const struct invocation *invocation, const char *name, int64_t *number,
		     const char **error);

#endif
