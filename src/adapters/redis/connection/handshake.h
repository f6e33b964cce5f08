/*
 * The handshake of a new connection: authenticates, names the client, and checks that this server is usable.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_HANDSHAKE_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_HANDSHAKE_H

#include "adapters/redis/server/redis_url.h"

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

/* What the server must be. */
struct greeting_demands {
	const char *prefix;   /* of the keys that must lie in one slot of a cluster; NULL: no keys are used */
	bool replica_will_do; /* a replica is usable, too */
};

struct greeting {
	enum greeting_step steps[GREETING_STEPS]; /* those that are needed */
	size_t count, answered;
	struct greeting_demands demands;
	char version[32]; /* of Redis, once it answered; empty: the user may not ask for it */
	char run_id[64];  /* of the server process; empty: the same */
	bool is_defect;   /* the handshake failed for the configuration's fault, not the server's */
};

/* Appends the commands, one for each step.  The demands' prefix outlives the greeting. */
void greeting_begin(struct greeting *greeting, const struct redis_url *url, const char *name,
		    const struct greeting_demands *demands, struct evbuffer *out);

/* Takes the next step's reply.  Returns false, with one line in `error`, when the server is not usable. */
bool greeting_take(struct greeting *greeting, const struct redisReply *reply, char *error, size_t size);

/*
 * Appends the command that asks for the server's role; it has one reply, which greeting_is_replica() reads.
 */
void greeting_ask_role(struct evbuffer *out);
bool greeting_is_replica(const struct redisReply *reply);

/* One line for the log: why a replica is not usable. */
extern const char greeting_replica_error[];

#endif
