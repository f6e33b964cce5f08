/* What Redis says when it refuses something, in words that help whoever reads the log. */
#ifndef ALLOCD_ADAPTERS_REDIS_REFUSAL_H
#define ALLOCD_ADAPTERS_REDIS_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

struct redisReply;

/*
 * Writes one line of printable ASCII: Redis' own words, then what to do about it where that is known.  A
 * reply that is no error is told by its type.
 */
void refusal_describe(const struct redisReply *reply, char *text, size_t size);

/* Whether the reply is an error that begins with that word, e.g. "NOPERM". */
bool refusal_is(const struct redisReply *reply, const char *word);

#endif
