/* Asks a worker over HTTP, for the operator's commands: it blocks for a few seconds at most. */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_COMMAND_HTTP_CLIENT_H
#define ALLOCD_ENTRYPOINTS_STATUS_COMMAND_HTTP_CLIENT_H

#include "entrypoints/config/config.h"

struct http_reply {
	int status; /* 0: no worker answered */
	char *body; /* with a NUL behind it; or NULL */
};

/*
 * Asks the address where a worker listens; 0.0.0.0 and :: lead to this machine.  `token` is NULL or empty
 * where none is needed.  The caller frees the body.
 */
struct http_reply http_client_get(const struct listen_address *address, const char *path, const char *token);

#endif
