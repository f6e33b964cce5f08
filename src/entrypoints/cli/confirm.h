/* Asks whether a command may change what it is about to change. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_CONFIRM_H
#define ALLOCD_ENTRYPOINTS_CLI_CONFIRM_H

#include "entrypoints/cli/commands.h"

/*
 * Whether to proceed, for a command that has the option --yes: it was given, or the terminal's user answers
 * yes to the question.  Without a terminal the option is required.  A result other than STATUS_DONE was
 * reported, and is the exit status.
 */
enum exit_status confirm(const struct invocation *invocation, const char *question);

#endif
