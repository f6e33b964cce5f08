/* Splits the command line into options and arguments. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_OPTIONS_H
#define ALLOCD_ENTRYPOINTS_CLI_OPTIONS_H

#include "entrypoints/cli/commands.h"

/*
 * Fills in `invocation` from `words`, the NULL-terminated rest of the command line after the command's name.
 * Options may be anywhere, as `--name value` or `--name=value`, and some flags as one letter, such as `-n`;
 * words after `--` are arguments.  False, with one line in *error, when the command does not accept the
 * words.  Allocates from `invocation->arena`.
 */
bool options_parse(struct invocation *invocation, const struct command *command, const char *const words[],
		   const char **error);

/* The words that follow "expected" in an error; NULL when the kind accepts the text. */
const char *option_expected(enum option_kind kind, const char *text);

/* Whether an option of the command was given, its last value (or NULL), and its values in order. */
bool invocation_flag(const struct invocation *invocation, const char *name);
const char *invocation_option(const struct invocation *invocation, const char *name);
const char *invocation_option_at(const struct invocation *invocation, const char *name, size_t index);

/* The last value of an option that is a number, or a number of seconds; `fallback` without one. */
int64_t invocation_number(const struct invocation *invocation, const char *name, int64_t fallback);
int64_t invocation_ms(const struct invocation *invocation, const char *name, int64_t fallback);

#endif
