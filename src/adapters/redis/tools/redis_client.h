/*
 * Commands and their answers, for the operator's commands: connects, asks, waits.  It blocks, for some
 * seconds at most, and has an event loop of its own.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_CLIENT_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_CLIENT_H

#include "adapters/redis/connection/redis_connection.h"
#include "core/base/bytes.h"

struct redis_client;

/*
 * Connects.  NULL, with one line in `error`, when that cannot be.  `prefix` as in handshake.h; it outlives
 * the call.
 */
struct redis_client *redis_client_connect(const struct url_source *url, const char *prefix,
					  struct random *random, char error[REDIS_TROUBLE_MAX]);

/* Accepts NULL in *call and nulls it. */
void redis_client_close(struct redis_client **call);

/*
 * One command whose answer is a number.  False, with one line in `error`, when Redis refused it, or was
 * lost: then it was perhaps done, and the call can only be ended.
 */
bool redis_client_number(struct redis_client *call, const struct bytes *arguments, size_t count,
			 int64_t *number, char error[REDIS_TROUBLE_MAX]);

/*
 * Connects, publishes one message, and ends; *receivers is how many subscribers heard it.  On failure returns
 * false, with one line in `error`: it went out only if the connection was lost while Redis answered.
 */
bool redis_client_publish(const struct url_source *url, struct random *random, const char *channel,
			  struct bytes payload, int64_t *receivers, char error[REDIS_TROUBLE_MAX]);

#endif
