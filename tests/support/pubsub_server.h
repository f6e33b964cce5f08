/*
 * A Redis that sends what is published in one order to all workers that are subscribed, and keeps nothing.
 *
 * What a worker does not read waits for it, and a worker for which too much waits is disconnected.  Every
 * broadcast records which workers it reaches, so that a test knows what may be lost.
 */
#ifndef ALLOCD_TESTS_PUBSUB_SERVER_H
#define ALLOCD_TESTS_PUBSUB_SERVER_H

#include "adapters/memory/simulation/cable.h"
#include "bus/leases/lease_keeper.h"
#include "bus/subscription/leased_subscription.h"

#define PUBSUB_CLIENTS 3

/* How often each worker publishes a marker. */
#define PUBSUB_BEAT_MS 1000

/* That a broadcast was sent to a worker, and was not lost on the way. */
struct reception {
	int process;   /* of the worker, from 1; 0: it was not sent */
	int64_t place; /* among all that was sent to that process */
	bool is_named; /* a marker was sent before it on the same connection */
};

struct broadcast {
	struct broadcast *next;
	enum message_type type; /* MSG_NONE: a marker */
	const char *text;
	const char *section; /* that the marker begins, else NULL */
	int64_t at_ms;
	int number; /* in the order of the server, from 1 */
	struct reception to[PUBSUB_CLIENTS];
	bool may_be_lost, may_be_repeated; /* for the test to say, */
	bool may_be_reconsidered;          /* and that it may be handled though it was rejected */
};

struct pubsub_server {
	struct simulation *simulation;
	struct arena *arena;
	const char *run_id;
	int restarts;
	struct random *random; /* NULL: there are no delays, and no client connects again by itself */
	size_t waiting_max; /* broadcasts that wait for a client before it is disconnected; 0: any number */
	struct broadcast *first, *last;
	struct pubsub_client *clients[PUBSUB_CLIENTS];
};

/* The connections of one process of a worker. */
struct pubsub_client {
	struct pubsub_server *server;
	struct leased_subscription *subscription;
	struct lease_keeper *keeper;
	int worker, process;
	struct cable requests, answers;

	bool is_connected; /* the server sends to it, */
	bool has_marker;   /* and has sent a marker since it was connected */
	int connections;
	int64_t connected_ms;
	int64_t sent, arrived;            /* the places of the last ones */
	int64_t dropped_from, dropped_to; /* places of what was lost with the last connection */

	const char *run_id; /* of the server, as the worker knows it */
	bool is_up;         /* as the worker knows */
	bool is_frozen, is_closed;
	char marker[64];
	int marks;
	struct task *beat, *again;
};

/* Everything that is published lives in `arena`. */
void pubsub_server_init(struct pubsub_server *server, struct simulation *simulation, struct arena *arena);

/* Publishes a command. */
struct broadcast *pubsub_publish(struct pubsub_server *server, enum message_type type, const char *text);

/* Another process of the server: it has another run id, and no connections. */
void pubsub_restart(struct pubsub_server *server);

/* Connects nothing yet; its subscription and keeper are set before. */
void pubsub_client_init(struct pubsub_client *client, struct pubsub_server *server, int worker, int process);
void pubsub_client_release(struct pubsub_client *client);

/* The worker reads that run id of the server: "" if it may not ask; NULL: the true one. */
void pubsub_client_connect(struct pubsub_client *client, const char *run_id);
void pubsub_client_disconnect(struct pubsub_client *client);

/* Nothing leaves or reaches the worker; or it does again. */
void pubsub_client_freeze(struct pubsub_client *client, bool is_frozen);

/* What a leased subscription calls; the context is a client. */
const char *pubsub_client_mark(void *context);
void pubsub_client_pause(void *context);
void pubsub_client_resume(void *context);

#endif
