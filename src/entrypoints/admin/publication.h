/* A command that `allocd publish` publishes, which fits its schema and has an id. */
#ifndef ALLOCD_ENTRYPOINTS_ADMIN_PUBLICATION_H
#define ALLOCD_ENTRYPOINTS_ADMIN_PUBLICATION_H

#include "bus/ports/codec.h"
#include "entrypoints/cli/commands.h"

struct publication {
	enum message_type type;
	struct bytes payload;
	struct envelope envelope; /* what the payload says */
};

/*
 * Reads MESSAGE FIELD=VALUE..., or the line {"type": MESSAGE, "data": {FIELD: VALUE...}}, in which data may
 * be a CloudEvent.  A command without an id gets one.  All is in the invocation's arena, or in `arena`.
 * False: *error is one line.
 */
bool publication_from_arguments(const struct invocation *invocation, struct codec *codec,
				struct publication *publication, const char **error);
bool publication_from_line(const char *line, size_t length, struct codec *codec,
			   struct publication *publication, struct arena *arena, const char **error);

#endif
