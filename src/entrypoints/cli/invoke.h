/* Parses and runs one command. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_INVOKE_H
#define ALLOCD_ENTRYPOINTS_CLI_INVOKE_H

#include "entrypoints/cli/commands.h"

/*
 * Parses the words that follow the command's name, loads the settings that the command uses, and runs it, or
 * prints its help.  `words` and `environment`, as in environ, end with NULL.
 */
enum exit_status invoke(const struct command *command, const char *const words[],
			const char *const environment[]);

#endif
