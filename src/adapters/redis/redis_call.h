/*
 * One command and its answer, for the operator's commands: connects, asks, waits, disconnects.  It blocks,
 * for some seconds at most, and has an event loop of its own.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_REDIS_CALL_H
#define ALLOCD_ADAPTERS_REDIS_REDIS_CALL_H

#include "adapters/redis/connection.h"
#include "core/bytes.h"

/*
 * Publishes one message; *receivers is how many subscribers heard it.  On failure returns false, with one
 * line in `error`: it went out only if the connection was lost while Redis answered.
 */
bool redis_call_publish(const struct redis_url *url, struct random *random, const char *channel,
			struct bytes payload, int64_t *receivers, char error[REDIS_TROUBLE_MAX]);

#endif
