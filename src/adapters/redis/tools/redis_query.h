/*
 * Asks all who listen on a channel, and waits until each has answered on another.  For the operator's
 * commands: it blocks, and has an event loop of its own.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_QUERY_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_QUERY_H

#include "adapters/redis/tools/redis_client.h"

struct redis_query;

/* Begins to listen on the channel of the answers.  NULL, with one line in `error`, when that cannot be. */
struct redis_query *redis_query_begin(const struct url_source *url, struct random *random,
				      const char *answers, char error[REDIS_TROUBLE_MAX]);

/* Accepts NULL in *inquiry and nulls it. */
void redis_query_end(struct redis_query **query);

/*
 * Publishes `token`, a new one each time, on `channel`, and waits for as many answers, each the token
 * itself, as there were listeners.  *answered is less than *asked when the time was not enough.  False, with
 * one line in `error`: Redis was lost.
 */
bool redis_query_ask(struct redis_query *query, struct redis_client *call, const char *channel,
		     const char *token, int timeout_ms, int64_t *asked, int64_t *answered,
		     char error[REDIS_TROUBLE_MAX]);

#endif
