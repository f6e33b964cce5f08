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

/* What an error says of the server that sent it. */
enum refusal_kind {
	REFUSAL_OF_COMMAND,   /* nothing, or the reply is no error */
	REFUSAL_WRONG_SERVER, /* it does not serve us any more; the server that does is to be looked up */
	REFUSAL_NOT_NOW,      /* the same, when it lasts; it may pass */
	REFUSAL_LOGIN,  /* it does not take us for who we are: the URL may hold other credentials by now */
	REFUSAL_RIGHTS, /* the user lacks a right: the URL may hold another user by now */
	REFUSAL_SLOTS,  /* it is a cluster, and our keys lie in several slots */
};

/*
 * Also of an error inside an array, as the script for events answers it, and of one that a script of Redis
 * 6.2 wraps into another.  *error is the reply, or the element of it, that says so.
 */
enum refusal_kind refusal_kind_of(const struct redisReply *reply, const struct redisReply **error);

/* Whether the reply is an error that begins with that word, e.g. "NOPERM". */
bool refusal_is(const struct redisReply *reply, const char *word);

#endif
