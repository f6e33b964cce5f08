/*
 * The handshake of a new connection: authenticates, names the client, and checks that this server is usable.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_CONNECTION_HANDSHAKE_H
#define ALLOCD_ADAPTERS_REDIS_CONNECTION_HANDSHAKE_H

#include "adapters/redis/discovery/cluster_nodes.h"
#include "adapters/redis/server/redis_url.h"

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct redisReply;

/* The steps, in the order of their commands, which are sent all at once. */
enum handshake_step {
	HANDSHAKE_AUTH,
	HANDSHAKE_NAME,
	HANDSHAKE_VERSION,
	HANDSHAKE_NODES,
	HANDSHAKE_SLOT, /* before the role: a replica of a cluster knows its master */
	HANDSHAKE_ROLE,
	HANDSHAKE_DATABASE,
	HANDSHAKE_STEPS,
};

/* Requirements on the server. */
struct handshake_demands {
	const char *prefix;   /* of the keys that must lie in one slot of a cluster; NULL: no keys are used */
	bool replica_will_do; /* a replica is usable, too */
};

struct handshake {
	enum handshake_step steps[HANDSHAKE_STEPS]; /* the needed ones, in order */
	size_t count, answered;
	struct handshake_demands demands;
	char version[32];           /* of Redis, once it answered; empty: the user may not ask for it */
	char run_id[64];            /* of the server process; empty: unknown */
	struct cluster_nodes nodes; /* of the cluster; none: unknown, or no cluster */
	bool is_moved;              /* another node has the keys' slot: `moved_to` */
	struct cluster_node moved_to;
	bool is_defect; /* the configuration, not the server, made the handshake fail */
};

/* Appends the commands, one for each step.  The demands' prefix must outlive the handshake. */
void handshake_begin(struct handshake *handshake, const struct redis_url *url, const char *name,
		     const struct handshake_demands *demands, struct evbuffer *out);

/* Checks the next step's reply.  Returns false, with one line in `error`, when the server is not usable. */
bool handshake_receive(struct handshake *handshake, const struct redisReply *reply, char *error, size_t size);

/*
 * Appends the command that asks for the server's role; it has one reply, which handshake_is_replica() reads.
 */
void handshake_ask_role(struct evbuffer *out);
bool handshake_is_replica(const struct redisReply *reply);

/* One line for the log: why a replica is not usable. */
extern const char handshake_replica_error[];

#endif
