/* The command line: which of it are options, and which arguments. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_OPTIONS_H
#define ALLOCD_ENTRYPOINTS_CLI_OPTIONS_H

#include "entrypoints/cli/commands.h"

/*
 * Fills in `invocation` from `words`, the NULL-terminated rest of the command line after the command's name.
 * Options may stand anywhere, as `--name value` or `--name=value`; after `--` there are none.  False, with
 * one line in *error, when the command does not take what was given.  `invocation->arena` holds what is made.
 */
bool options_parse(struct invocation *invocation, const struct command *command, const char *const words[],
		   const char **error);

/* Of the command's own options: whether one was given, its last value (or NULL), its values in order. */
bool invocation_flag(const struct invocation *invocation, const char *name);
const char *invocation_option(const struct invocation *invocation, const char *name);
const char *invocation_option_at(const struct invocation *invocation, const char *name, size_t index);

/* The last value of one that is a number, or is so many seconds; `fallback` when it was not given. */
int64_t invocation_number(const struct invocation *invocation, const char *name, int64_t fallback);
int64_t invocation_ms(const struct invocation *invocation, const char *name, int64_t fallback);

#endif
