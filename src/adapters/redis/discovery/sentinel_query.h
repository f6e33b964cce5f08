/*
 * Asks the sentinels of a URL, one after the other, which server is the master: steps 1 and 2 of
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/.  Step 3, checking the server's role, is
 * the handshake's.
 *
 * Each sentinel has the timeouts of connect_attempts.h, and then SENTINEL_ANSWER_MS to answer.  Only a
 * sentinel that demands a password receives it.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_DISCOVERY_SENTINEL_QUERY_H
#define ALLOCD_ADAPTERS_REDIS_DISCOVERY_SENTINEL_QUERY_H

#include "adapters/redis/server/redis_url.h"

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct sentinel_query;

/* From the established connection to the answer, TLS and login included. */
#define SENTINEL_ANSWER_MS 1000

struct sentinel_answer {
	const char *host; /* of the master; NULL: no sentinel named one, and `error` is the reason */
	uint16_t port;
	size_t sentinel; /* the index of the sentinel that answered */
	const char *error;
};

/* Called once, from the event loop.  The answer is valid during the call, which may cancel the query. */
typedef void sentinel_answered(void *context, const struct sentinel_answer *answer);

/* Begins with the sentinel number `first`, modulo their count.  `url` outlives the query. */
struct sentinel_query *sentinel_query_start(struct event_base *base, const struct redis_url *url,
					    size_t first, sentinel_answered *answered, void *context);

/* `answered` is not called any more.  Accepts NULL in *query and nulls it. */
void sentinel_query_cancel(struct sentinel_query **query);

#endif
