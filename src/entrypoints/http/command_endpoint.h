/* How a command is sent over HTTP: generated from the annotation `x-allocd` of its schema. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_COMMAND_ENDPOINT_H
#define ALLOCD_ENTRYPOINTS_HTTP_COMMAND_ENDPOINT_H

#include "core/message.h"

struct command_endpoint {
	const char *path;           /* where the command is posted; NULL: the message is not a command */
	int status;                 /* of the answer to a command that was handled */
	const char *location_path;  /* of a resource that the command changes, up to its name; or NULL */
	const char *location_field; /* the command's text field that holds that name */
};

/* By message type. */
extern const struct command_endpoint command_endpoints[MSG_TYPES];

#endif
