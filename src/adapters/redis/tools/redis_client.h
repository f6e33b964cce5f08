/*
 * Sends commands and waits for the replies, for the operator's commands.  It blocks for a few seconds at
 * most, and has its own event loop.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_CLIENT_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_CLIENT_H

#include "adapters/redis/connection/redis_connection.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

struct redis_client;

/*
 * Connects.  On failure returns NULL, with one line in `error`.  `prefix` is that of handshake.h, and must
 * outlive the client.
 */
struct redis_client *redis_client_connect(const struct url_source *url, const char *prefix,
					  struct random *random, char error[REDIS_TROUBLE_MAX]);

/* Accepts NULL in *call and nulls it. */
void redis_client_close(struct redis_client **call);

/*
 * Sends a command whose reply is an integer.  False, with one line in `error`, when Redis refused it or was
 * lost; if Redis was lost, the command may have been executed, and the client can only be closed.
 */
bool redis_client_number(struct redis_client *call, const struct bytes *arguments, size_t count,
			 int64_t *number, char error[REDIS_TROUBLE_MAX]);

/* The same for a command whose reply is a text, such as XADD; *text is in `arena`. */
bool redis_client_text(struct redis_client *call, const struct bytes *arguments, size_t count,
		       struct arena *arena, const char **text, char error[REDIS_TROUBLE_MAX]);

#endif
