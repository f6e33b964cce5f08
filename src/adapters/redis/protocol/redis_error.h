/* Redis' error replies: what each means for the connection, and advice to the operator. */
#ifndef ALLOCD_ADAPTERS_REDIS_PROTOCOL_REDIS_ERROR_H
#define ALLOCD_ADAPTERS_REDIS_PROTOCOL_REDIS_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct redisReply;

/*
 * Writes one line of printable ASCII: Redis' own words, then advice where there is some.  If the reply is no
 * error, the line names its type.
 */
void redis_error_describe(const struct redisReply *reply, char *text, size_t size);

/* What an error means for the connection that received it. */
enum redis_error_kind {
	REDIS_ERROR_OF_COMMAND,   /* nothing: only the command was refused; or the reply is no error */
	REDIS_ERROR_WRONG_SERVER, /* this is not the master: look the name up again, and reconnect */
	REDIS_ERROR_NOT_NOW,      /* temporary; if it lasts, treated like REDIS_ERROR_WRONG_SERVER */
	REDIS_ERROR_LOGIN,        /* the credentials are refused: the URL may hold other ones by now */
	REDIS_ERROR_RIGHTS,       /* the user lacks a right: the URL may hold another user by now */
	REDIS_ERROR_SLOTS,        /* the server is a node of a cluster, and our keys lie in several slots */
};

/*
 * Also finds an error inside an array, as the fence's script returns it, and one that Redis 6.2 wraps into
 * another error.  *error is set to the reply, or to the element, that decided the kind.
 */
enum redis_error_kind redis_error_kind_of(const struct redisReply *reply, const struct redisReply **error);

/* Whether the reply is an error that begins with `word`, e.g. "NOPERM". */
bool redis_error_is(const struct redisReply *reply, const char *word);

#endif
