/* Prints the status that a worker answered, for an operator. */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_COMMAND_STATUS_PRINT_H
#define ALLOCD_ENTRYPOINTS_STATUS_COMMAND_STATUS_PRINT_H

#include "entrypoints/cli/commands.h"

#include <jansson.h>
#include <stdio.h>

/* Statuses that monitors know: 0: healthy, 1: degraded, 2: not ready, starting or stopping. */
enum exit_status status_exit(const json_t *status);

/* Some lines: the troubles, ways in, work, ways out, dead letters.  `now_us`: since 1970. */
void status_print(const json_t *status, int64_t now_us, FILE *out);

/* The state and the codes of the troubles, in one line. */
void status_print_line(const json_t *status, FILE *out);

#endif
