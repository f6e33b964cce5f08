/* An event in the body of an answer. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_EVENT_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_EVENT_H

#include "entrypoints/http/http_api.h"

#include <stdio.h>

/*
 * Writes the event of a list, with a comma before it unless it is the first one.  Returns false, and *error
 * in `arena`, if its payload cannot be read.
 */
bool write_event(FILE *out, const struct http_services *services, const struct outgoing *event, bool is_first,
		 struct arena *arena, const char **error);

#endif
