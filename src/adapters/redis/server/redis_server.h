/*
 * What the connections of one program know together about the Redis behind one URL.
 *
 * When one of them learns that it is connected to the wrong server (see redis_error.h) each of them is ended
 * and connects anew, so that the name is looked up again:
 *  - At an answer such as READONLY, at once.
 *  - At an answer that may pass, such as MISCONF, first only the connection that got it, and only when such
 *    answers came for SERVER_PATIENCE_MS.  A server that is still the right one costs no more than that.
 *  - When a connection comes up at another server than those that are up, these follow it.
 *
 * When one of them comes up, those that wait for their next attempt make it at once.
 *
 * The same trouble is logged once for all of them, and its end once.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_SERVER_H
#define ALLOCD_ADAPTERS_REDIS_SERVER_REDIS_SERVER_H

#include "adapters/redis/protocol/redis_error.h"
#include "bus/ports/logger.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct redis_server;

/* How long answers that may pass are borne; after each time it is twice that, up to eight times. */
#define SERVER_PATIENCE_MS INT64_C(10000)

/* Answers that are further apart belong to different troubles. */
#define SERVER_TROUBLE_GAP_MS INT64_C(15000)

/* Servers that differ again within this time are taken for several behind one balancer. */
#define SERVER_DIFFERS_MS INT64_C(60000)

#define SERVER_RUN_ID_MAX 64

/* A connection, as the others see it.  Part of the connection. */
struct server_member {
	struct server_member *next;
	const char *name;
	void (*end)(void *context, const char *cause); /* ends a connection that is up; `cause` is one line */
	void (*retry)(void *context); /* connects soon, where it waits to; does not call the server back */
	void *context;
	bool is_up, is_to_end;
	char run_id[SERVER_RUN_ID_MAX]; /* of the server process that it reached; empty: unknown */
};

/*
 * Base and logger outlive it, and it outlives its members.  `patience_ms` is SERVER_PATIENCE_MS, but in
 * tests.
 */
struct redis_server *redis_server_new(struct event_base *base, struct logger *logger, int64_t patience_ms);

/* Accepts NULL in *server and nulls it. */
void redis_server_free(struct redis_server **server);

void redis_server_join(struct redis_server *server, struct server_member *member);
void redis_server_leave(struct redis_server *server, struct server_member *member);

/* The member came up at the server of its `run_id`. */
void redis_server_reached(struct redis_server *server, struct server_member *member, const char *address,
			  const char *version);

/* The member is not up, or not up any more; `message` says which of them. */
void redis_server_missed(struct redis_server *server, struct server_member *member, const char *message,
			 const char *address, const char *cause);

/*
 * The member, which is up, was refused something.  Returns whether it must connect anew, by itself; the
 * others are ended from the event loop when they must, too.
 */
bool redis_server_refused(struct redis_server *server, struct server_member *member,
			  enum redis_error_kind kind, const char *cause, int64_t now_ms);

/* Where a member was, or tried to be, last; "REDIS_URL" before. */
const char *redis_server_address(const struct redis_server *server);

/* Something in the configuration keeps every connection from working: `text` names the setting; copied. */
void redis_server_set_defect(struct redis_server *server, const char *text);

/* NULL: nothing is known to be wrong. */
const char *redis_server_defect(const struct redis_server *server);

#endif
