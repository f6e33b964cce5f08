/*
 * What a process knows about its database's servers, shared by its connections so that all of them use the
 * same server.
 *
 * After a failover the old primary may still run: it was frozen and resumed, partitioned, or made
 * read-only.  A session that stays there reads stale data, and what it writes is lost.  So:
 *
 * - A server is identified by its system identifier and its timeline, which a promotion raises.  When a
 *   session begins on a newer timeline, every session on an older one is given up, and no session begins
 *   there any more.
 * - When a store's session begins on another system (a logical copy, a restored database), every session on
 *   another one is given up.
 * - Where a server reveals neither: when a store loses its session, the other sessions there are given up
 *   with it.
 * - An address that did not answer in time, or where writes were refused, is tried last for a while; the
 *   other sessions of a silent server are given up at once.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_KNOWN_SERVERS_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_KNOWN_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

/* An address, or a socket's directory, and a port. */
#define SERVER_KEY_SIZE 160

struct server_identity {
	uint64_t system; /* 0: not known */
	uint32_t timeline;
};

/*
 * Called when the session must not be used any more: its answers may be stale.  The call happens within a
 * call of another session, so the callee ends its session later, from the event loop.
 */
typedef void server_given_up(void *context, const char *reason);

/* One connection's entry; the caller owns it. */
struct server_user {
	struct server_user *next, **link; /* link is NULL before known_servers_join() */
	server_given_up *give_up;
	void *context;
	bool is_store;

	bool in_session;
	char key[SERVER_KEY_SIZE];
	struct server_identity identity;
};

struct known_servers;

struct known_servers *known_servers_new(void);

/* Every user must have left. Accepts NULL in *servers and nulls it. */
void known_servers_free(struct known_servers **servers);

/* In all calls `servers` may be NULL, for a connection that shares nothing with others. */

void known_servers_join(struct known_servers *servers, struct server_user *user);
void known_servers_leave(struct server_user *user);

/*
 * Records that a session begins on the server of user->key and user->identity.  Returns false if that is an
 * old primary.
 */
bool known_servers_enter(struct known_servers *servers, struct server_user *user);

/* Records that the session ended; `silently` means that its server did not answer. */
void known_servers_exit(struct known_servers *servers, struct server_user *user, bool silently);

/* From now on the address is tried last, for a while. */
void known_servers_suspect(struct known_servers *servers, const char *key);
bool known_servers_is_suspect(const struct known_servers *servers, const char *key);

#endif
