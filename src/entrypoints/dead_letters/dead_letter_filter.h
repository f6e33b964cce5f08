/* The filter of a command about dead letters, read from its arguments and options. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_FILTER_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_FILTER_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/cli/commands.h"

/* False, with one line in *error, when an argument or an option is not valid. */
bool dead_letter_filter_read(const struct invocation *invocation, struct dead_letter_filter *filter,
			     const char **error);

/* Parses "90s", "15m", "2h", "7d" or "90", at most a hundred years.  False: the text is not an age. */
bool age_to_seconds(const char *text, int64_t *seconds);

/* Reads an option whose value is at least 1; 0: not given.  Fails as dead_letter_filter_read() does. */
bool positive_option(const struct invocation *invocation, const char *name, int64_t *number,
		     const char **error);

#endif
