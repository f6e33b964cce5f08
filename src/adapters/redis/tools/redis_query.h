/*
 * Asks all subscribers of a channel, and waits until each has answered on another.  For the operator's
 * commands: it blocks, and has its own event loop.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_QUERY_H
#define ALLOCD_ADAPTERS_REDIS_TOOLS_REDIS_QUERY_H

#include "adapters/redis/tools/redis_client.h"

struct redis_query;

/* Subscribes to the channel `answers`.  On failure returns NULL, with one line in `error`. */
struct redis_query *redis_query_begin(const struct url_source *url, struct random *random,
				      const char *answers, char error[REDIS_TROUBLE_MAX]);

/* Accepts NULL in *query and nulls it. */
void redis_query_end(struct redis_query **query);

/*
 * Publishes `token`, a new one each time, on `channel`, and waits until each of the *asked subscribers has
 * answered with the token.  *answered is less than *asked when the timeout expired.  False, with one line in
 * `error`, when Redis refused the question or was lost.
 */
bool redis_query_ask(struct redis_query *query, struct redis_client *call, const char *channel,
		     const char *token, int timeout_ms, int64_t *asked, int64_t *answered,
		     char error[REDIS_TROUBLE_MAX]);

#endif
