/*
 * Calls of the script that publishes rows.  For what it does, and why, see fence.lua.
 *
 * The fences of a database live in one hash, PREFIXallocd:fence:INCARNATION.  It expires when nothing was
 * published for FENCE_LIFE_MS, so that the hash of a replaced database is deleted.  A publisher that finds no
 * fence sets it again from the position that it knows.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_PUBLISHER_FENCE_H
#define ALLOCD_ADAPTERS_REDIS_PUBLISHER_FENCE_H

#include "bus/ports/broker.h"

struct evbuffer;
struct redisReply;

#define FENCE_LIFE_MS       (INT64_C(30) * 24 * 60 * 60 * 1000)
#define FENCE_HASH_MAX      40 /* the SHA-1 by which Redis knows the script, in hexadecimal */
#define EVENT_STREAM_LENGTH 100000

/* The most bytes of rows in one call; a larger row is sent alone. */
#define FENCE_CALL_MAX ((size_t)1024 * 1024)

/* With this begins the error of the script that tells of a newer timeline. */
#define FENCED "FENCED"

extern const char fence_script[];

/* The arguments that all calls have in common. */
struct fence {
	char *prefix;       /* before every channel and key */
	char *event_stream; /* its key; NULL: none */
	char hash[FENCE_HASH_MAX + 1];
};

/*
 * Appends a call for the rows of `publication` from index `first` on; everything up to position `known` was
 * published.  Returns the index of the first row of the next call.
 */
size_t fence_append(struct evbuffer *out, const struct fence *fence, const struct publication *publication,
		    size_t first, int64_t known);

/* The result of a call; it lives as long as the reply. */
struct fence_answer {
	int64_t position; /* of the fence */
	size_t events;
	const struct redisReply
		*unheard; /* the types that have no subscriber; NULL: the script did not answer */
	const struct redisReply *refusal; /* NULL: Redis refused nothing */
};

/* If the script did not answer, `refusal` is the reply itself, and `position` is `known`. */
struct fence_answer fence_answer_of(const struct redisReply *reply, int64_t known);

#endif
