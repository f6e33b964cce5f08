/* Redis' error replies: what each means for the connection, and what an operator does about it. */
#ifndef ALLOCD_ADAPTERS_REDIS_PROTOCOL_REDIS_ERROR_H
#define ALLOCD_ADAPTERS_REDIS_PROTOCOL_REDIS_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct redisReply;

/*
 * Writes one line of printable ASCII: Redis' own words, then what to do about it where that is known.  Of a
 * reply that is no error it names the type.
 */
void refusal_describe(const struct redisReply *reply, char *text, size_t size);

/* What an error means for the connection that received it. */
enum refusal_kind {
	REFUSAL_OF_COMMAND,   /* nothing: only the command was refused; or the reply is no error */
	REFUSAL_WRONG_SERVER, /* this is not the master: look the name up again, and connect anew */
	REFUSAL_NOT_NOW,      /* it may pass; when it lasts, the same as REFUSAL_WRONG_SERVER */
	REFUSAL_LOGIN,        /* the credentials are refused: the URL may hold other ones by now */
	REFUSAL_RIGHTS,       /* the user lacks a right: the URL may hold another user by now */
	REFUSAL_SLOTS,        /* the server is a node of a cluster, and our keys lie in several slots */
};

/*
 * Finds an error inside an array too, as the script for events returns it, and one that Redis 6.2 wraps into
 * another error.  *error is set to the reply, or to the element, that decided the kind.
 */
enum refusal_kind refusal_kind_of(const struct redisReply *reply, const struct redisReply **error);

/* Whether the reply is an error that begins with that word, e.g. "NOPERM". */
bool refusal_is(const struct redisReply *reply, const char *word);

#endif
