/* An engine and the HTTP API on adapters in memory, and a client on a real socket, all in one thread. */
#ifndef ALLOCD_TESTS_ENTRYPOINTS_WORLD_H
#define ALLOCD_TESTS_ENTRYPOINTS_WORLD_H

#include "adapters/memory/ports/broker.h"
#include "adapters/memory/ports/logger.h"
#include "adapters/memory/ports/notifier.h"
#include "adapters/memory/ports/views.h"
#include "adapters/memory/simulation/clock.h"
#include "adapters/memory/simulation/random.h"
#include "adapters/memory/store/memory_store.h"
#include "bus/engine/engine.h"
#include "entrypoints/http/http_api.h"

#include <event2/event.h>

#define DEADLINE_MS 150

/* A low limit, so that a test reaches it soon. */
#define CONNECTIONS_MAX 32

struct world {
	struct simulation *simulation;
	struct database *database;
	struct memory_clock clock;
	struct memory_random random;
	struct memory_logger logger;
	struct memory_store *stores[4]; /* lane, SKU resolver, publisher, housekeeper */
	struct memory_views *views;
	struct memory_broker *broker;
	struct memory_notifier *notifier;
	struct codec *codec;
	struct engine *engine;

	struct arena *arena; /* for the strings of tests */
	struct sampler *sampler;
	struct event_base *base;
	struct http_api *api;
	bool listening;
	uint64_t unheard, unheard_expected; /* as the worker reports them */
	uint64_t lost[2];                   /* entries of the streams "orders" and "batches" */
};

/* `queue_max`: the number of messages for which the engine has room. */
void world_init(struct world *world, size_t queue_max);

/* The same, but the API has no services until world_start(). */
void world_init_starting(struct world *world, size_t queue_max);
void world_start(struct world *world);

void world_release(struct world *world);

/* Runs the event loop and the simulation for `ms` of real time. */
void world_run_ms(struct world *world, int ms);

/* A new connection to the API; the caller closes it. */
int world_connect(const struct world *world);

/* Connects an existing socket to the API. */
void world_join(const struct world *world, int client);

void world_send(int client, const char *text);

/*
 * The bytes that the API sends on the connection: `replies` whole replies, or less when it closes the
 * connection or sends nothing for a second or two.  They live in the world's arena.
 */
const char *world_receive(struct world *world, int client, int replies);

/* Sends one request on a new connection and returns the reply. */
const char *world_ask(struct world *world, const char *request);
const char *world_get(struct world *world, const char *path);
const char *world_post(struct world *world, const char *path, const char *body);

/* The status, the body, and a header's value (or NULL) of a reply. */
int reply_status(const char *reply);
const char *reply_body(const char *reply);
const char *reply_header_value(struct world *world, const char *reply, const char *name);

/* The message of a reply that reports a problem. */
const char *reply_message(struct world *world, const char *reply);

#endif
