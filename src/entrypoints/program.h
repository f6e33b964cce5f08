/* The program from its command line to its exit status. */
#ifndef ALLOCD_ENTRYPOINTS_PROGRAM_H
#define ALLOCD_ENTRYPOINTS_PROGRAM_H

#include "entrypoints/commands.h"

/* `words` is the command line without the program's name, `environment` as in environ; both end with NULL. */
enum exit_status program_main(const char *const words[], const char *const environment[]);

#endif
