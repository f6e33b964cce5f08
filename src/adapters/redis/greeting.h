/* What is said first on a new connection: who we are, and whether this is a Redis that will do. */
#ifndef ALLOCD_ADAPTERS_REDIS_GREETING_H
#define ALLOCD_ADAPTERS_REDIS_GREETING_H

#include "adapters/redis/redis_url.h"

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct redisReply;

/* The steps, in the order in which they are sent: all at once. */
enum greeting_step {
	GREETING_AUTH,
	GREETING_NAME,
	GREETING_VERSION,
	GREETING_ROLE,
	GREETING_DATABASE,
	GREETING_SLOT,
	GREETING_STEPS,
};

/* What kind of server will do. */
struct greeting_demands {
	const char *prefix;   /* of the keys that must lie in one slot of a cluster; NULL: there are none */
	bool replica_will_do; /* a replica, too */
};

struct greeting {
	enum greeting_step steps[GREETING_STEPS]; /* those that are needed */
	size_t count, answered;
	struct greeting_demands demands;
	char version[32]; /* Redis', once that was answered; empty: it is not told to us */
	char run_id[64];  /* of the server process; the same */
	bool is_defect;   /* what made an answer useless is the configuration, not the server */
};

/* Appends the commands, one for each step.  The demands' prefix outlives the greeting. */
void greeting_begin(struct greeting *greeting, const struct redis_url *url, const char *name,
		    const struct greeting_demands *demands, struct evbuffer *out);

/* The next step's answer.  Returns false, with one line in `error`, when it is of no use to go on. */
bool greeting_take(struct greeting *greeting, const struct redisReply *reply, char *error, size_t size);

/* Appends the question whether the server is a replica, which one reply answers. */
void greeting_ask_role(struct evbuffer *out);
bool greeting_is_replica(const struct redisReply *reply);

/* What is wrong with a replica, in one line. */
extern const char greeting_replica_error[];

#endif
