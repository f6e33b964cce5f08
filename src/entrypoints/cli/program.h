/* Finds the command that the command line names, and runs it. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_PROGRAM_H
#define ALLOCD_ENTRYPOINTS_CLI_PROGRAM_H

#include "entrypoints/cli/commands.h"

/* `words` is the command line without the program's name, `environment` as in environ; both end with NULL. */
enum exit_status program_main(const char *const words[], const char *const environment[]);

#endif
