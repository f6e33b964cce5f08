/* The status as JSON, and as text for a person: what /readyz?verbose and /admin/status answer. */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_STATUS_JSON_H
#define ALLOCD_ENTRYPOINTS_STATUS_STATUS_JSON_H

#include "entrypoints/status/status.h"

#include <jansson.h>

/* The whole status, on one line; to be freed by free(). */
char *status_json(const struct status *status);

/* A line for the state, and three for each trouble; to be freed by free(). */
char *status_text(const struct status *status);

/* The array of open troubles, the worst first: the caller has the reference. */
json_t *status_troubles_json(const struct status *status);

/* The object; the caller has the reference. */
json_t *status_dead_letters_json(const struct status_dead_letters *letters);

#endif
