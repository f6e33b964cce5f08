/* The filter of a command about dead letters, read from its arguments and options. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_FILTER_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_FILTER_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/cli/commands.h"

/*
 * False, with one line in *error, when an argument or an option is not valid.  `is_discarded` is left to the
 * caller, and so is the option --sku, which no filter of the database knows.
 */
bool dead_letter_filter_read(const struct invocation *invocation, struct dead_letter_filter *filter,
			     const char **error);

#endif
