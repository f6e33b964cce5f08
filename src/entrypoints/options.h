/* The command line: which of it are options, and which arguments. */
#ifndef ALLOCD_ENTRYPOINTS_OPTIONS_H
#define ALLOCD_ENTRYPOINTS_OPTIONS_H

#include "entrypoints/commands.h"

/*
 * Fills in `invocation` from `words`, the NULL-terminated rest of the command line after the command's name.
 * Options may stand anywhere, as `--name value` or `--name=value`; after `--` there are none.  False, with
 * one line in *error, when the command does not take what was given.  `invocation->arena` holds what is made.
 */
bool options_parse(struct invocation *invocation, const struct command *command, const char *const words[],
		   const char **error);

#endif
