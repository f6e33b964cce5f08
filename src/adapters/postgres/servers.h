/*
 * What a process knows of its database's servers, shared by its connections, so that all of them work on the
 * same one.
 *
 * After a failover the old primary may live on: frozen and thawed, cut off and back, made read-only.  A
 * session that stays there reads what is out of date, and what it writes is lost.  So:
 *
 *   - A server is told by its system identifier and timeline, which a promotion raises.  When a session
 *     begins on a newer timeline, every session on an older one is given up, and none begins there any more.
 *   - When a store's session begins on another system (a logical copy, a restored database), every session on
 *     another one is given up.
 *   - A server that tells neither: when a store loses its session, the others on it are given up with it.
 *   - An address where a session, or the attempt to begin one, fell silent, and one where writes were
 *     refused, is tried last for a while; the other sessions of a silent server are given up at once.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_SERVERS_H
#define ALLOCD_ADAPTERS_POSTGRES_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

/* An address, or a socket's directory, and a port. */
#define SERVER_KEY_SIZE 160

struct server_identity {
	uint64_t system; /* 0: not known */
	uint32_t timeline;
};

/*
 * Called when the session is of no more use: what it answers from now on must not be believed.  It happens
 * within a call of another session, so the session is ended later, from the event loop.
 */
typedef void server_given_up(void *context, const char *reason);

/* One connection; the caller's. */
struct server_user {
	struct server_user *next, **place; /* NULL: it has joined none */
	server_given_up *give_up;
	void *context;
	bool is_store;

	bool in_session;
	char key[SERVER_KEY_SIZE];
	struct server_identity identity;
};

struct servers;

struct servers *servers_new(void);

/* All have left.  Accepts NULL in *servers and nulls it. */
void servers_free(struct servers **servers);

/* In all calls `servers` may be NULL: then the connection is alone. */

void servers_join(struct servers *servers, struct server_user *user);
void servers_leave(struct server_user *user);

/* A session begins on the server that user->key and user->identity tell.  False: it is an old one. */
bool servers_enter(struct servers *servers, struct server_user *user);

/* The session ended.  `silently`: its server did not answer. */
void servers_exit(struct servers *servers, struct server_user *user, bool silently);

/* For a while the address is tried last. */
void servers_suspect(struct servers *servers, const char *key);
bool servers_is_suspect(const struct servers *servers, const char *key);

#endif
