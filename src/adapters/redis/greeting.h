/* What is said first on a new connection: who we are, and whether this is a Redis that will do. */
#ifndef ALLOCD_ADAPTERS_REDIS_GREETING_H
#define ALLOCD_ADAPTERS_REDIS_GREETING_H

#include "adapters/redis/redis_url.h"

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct redisReply;

/* The steps, in the order in which they are sent: all at once. */
enum greeting_step { GREETING_AUTH, GREETING_NAME, GREETING_VERSION, GREETING_DATABASE, GREETING_STEPS };

struct greeting {
	enum greeting_step steps[GREETING_STEPS]; /* those that are needed */
	size_t count, answered;
	char version[32]; /* Redis', once that was answered; empty: it is not told to us */
};

/* Appends the commands, one for each step. */
void greeting_begin(struct greeting *greeting, const struct redis_url *url, const char *name,
		    struct evbuffer *out);

/* The next step's answer.  Returns false, with one line in `error`, when it is of no use to go on. */
bool greeting_take(struct greeting *greeting, const struct redisReply *reply, char *error, size_t size);

#endif
