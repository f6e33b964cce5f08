/*
 * How Redis identifies a connection, so that the next one can end it: Redis may still serve a connection that
 * was given up here, and deliver entries to it that no reader receives.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SERVER_CLIENT_IDENTITY_H
#define ALLOCD_ADAPTERS_REDIS_SERVER_CLIENT_IDENTITY_H

#include <stdbool.h>

struct evbuffer;
struct redisReply;

/* The size of an identity as text: its id, a space, its address. */
#define CLIENT_IDENTITY_TEXT 160

struct client_identity {
	char id[24]; /* empty: unknown */
	char address[128];
};

/* Appends the command that asks for the identity; it has one reply. */
void client_identity_ask(struct evbuffer *out);

/* Reads that reply.  The identity is unknown when Redis refused the command. */
void client_identity_read(struct client_identity *identity, const struct redisReply *reply);

/* Appends the command that ends the connection; its one reply shows whether it existed. */
void client_identity_kill(const struct client_identity *identity, struct evbuffer *out);

#endif
