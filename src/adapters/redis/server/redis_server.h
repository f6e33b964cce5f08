/*
 * The state that the connections of one program share about the Redis behind one URL.
 *
 * When one of them finds that it is connected to the wrong server (see redis_error.h), all of them reconnect,
 * so that the name is looked up again:
 *  - After an error such as READONLY, at once.
 *  - After a temporary error, such as MISCONF, at first only the connection that received it, and only once
 *    such errors have lasted for SERVER_PATIENCE_MS.  If the server is still the right one, no other does.
 *  - When the sentinels name another master, at once.
 *  - When a connection comes up at another server than the connections that are up, these reconnect.
 *
 * When one of them comes up, those that wait for their next attempt make it at once.
 *
 * Trouble is logged for all of them together: the same cause every 10 seconds at most, and the end once.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_SERVER_H
#define ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_SERVER_H

#include "adapters/redis/discovery/cluster_nodes.h"
#include "adapters/redis/protocol/redis_error.h"
#include "bus/ports/logger.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct redis_server;

/* How long temporary errors are tolerated; doubled after each reconnection, up to eight times that. */
#define SERVER_PATIENCE_MS INT64_C(10000)

/* Temporary errors that are further apart belong to different troubles. */
#define SERVER_TROUBLE_GAP_MS INT64_C(15000)

/* If servers differ again within this time, they are assumed to be several behind one balancer. */
#define SERVER_DIFFERS_MS INT64_C(60000)

/* How often sentinels are asked while connections are up: a former master is demoted seconds later. */
#define SERVER_CHECK_MS INT64_C(1000)

#define SERVER_RUN_ID_MAX 64

/* A connection as the server knows it; embedded in the connection. */
struct server_member {
	struct server_member *next;
	const char *name;
	void (*end)(void *context, const char *cause); /* ends a connection that is up; `cause` is one line */
	void (*retry)(void *context); /* makes a waiting connection connect soon; must not call the server */
	void *context;
	bool is_up, is_to_end;
	char run_id[SERVER_RUN_ID_MAX]; /* of the server process that was reached; empty: unknown */
};

/*
 * Base and logger outlive the server, which outlives its members.  `patience_ms` is SERVER_PATIENCE_MS,
 * except in tests.
 */
struct redis_server *redis_server_new(struct event_base *base, struct logger *logger, int64_t patience_ms);

/* Accepts NULL in *server and nulls it. */
void redis_server_free(struct redis_server **server);

void redis_server_join(struct redis_server *server, struct server_member *member);
void redis_server_leave(struct redis_server *server, struct server_member *member);

/* The member came up at the server that its `run_id` names. */
void redis_server_reached(struct redis_server *server, struct server_member *member, const char *address,
			  const char *version);

/* The member failed to connect, or lost its connection; `message` is the line for the log. */
void redis_server_missed(struct redis_server *server, struct server_member *member, const char *message,
			 const char *address, const char *cause);

/*
 * The member, which is up, received an error.  Returns whether the member must reconnect, which it does
 * itself; other members that must reconnect are ended from the event loop.
 */
bool redis_server_refused(struct redis_server *server, struct server_member *member,
			  enum redis_error_kind kind, const char *cause, int64_t now_ms);

/* The address to which a member last connected, or tried to; "REDIS_URL" before. */
const char *redis_server_address(const struct redis_server *server);

/* Whether the member that calls is to ask the sentinels for the master: true once in SERVER_CHECK_MS. */
bool redis_server_is_check_due(struct redis_server *server, int64_t now_ms);

/* The nodes of the cluster to which a URL of this origin led: any of them knows the one that has the slot. */
void redis_server_set_nodes(struct redis_server *server, const char *origin,
			    const struct cluster_nodes *nodes);

/* None when the last ones belong to another origin. */
const struct cluster_nodes *redis_server_nodes(const struct redis_server *server, const char *origin);

/* Something in the configuration keeps every connection from working: `text` names the setting; copied. */
void redis_server_set_defect(struct redis_server *server, const char *text);

/* NULL: nothing is known to be wrong. */
const char *redis_server_defect(const struct redis_server *server);

#endif
