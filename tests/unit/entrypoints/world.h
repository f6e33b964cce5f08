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

/* Few, so that a test fills them soon. */
#define CONNECTIONS_MAX 32

struct world {
	struct simulation *simulation;
	struct database *database;
	struct memory_clock clock;
	struct memory_random random;
	struct memory_logger logger;
	struct memory_store *stores[4]; /* lane, intake, publisher, housekeeper */
	struct memory_views *views;
	struct memory_broker *broker;
	struct memory_notifier *notifier;
	struct codec *codec;
	struct engine *engine;

	struct arena *arena; /* for what tests make */
	struct event_base *base;
	struct http_api *api;
	bool listening;
};

/* `queue_max`: how many messages the engine has room for. */
void world_init(struct world *world, size_t queue_max);

/* The same before the API has its services, which world_start() gives it. */
void world_init_starting(struct world *world, size_t queue_max);
void world_start(struct world *world);

void world_release(struct world *world);

/* Everything goes on for so long, in real time. */
void world_run_ms(struct world *world, int ms);

/* A connection to the API; closed by the caller. */
int world_connect(const struct world *world);

/* The same for a socket that was made before. */
void world_join(const struct world *world, int client);

void world_send(int client, const char *text);

/*
 * What the API sends on it until it has sent `replies` whole replies, or closed it, or nothing for a second
 * or two.  Lives in the world's arena.
 */
const char *world_receive(struct world *world, int client, int replies);

/* One request on a connection of its own, and its reply. */
const char *world_ask(struct world *world, const char *request);
const char *world_get(struct world *world, const char *path);
const char *world_post(struct world *world, const char *path, const char *body);

/* Of a reply: its status, its body, a header's value (or NULL). */
int reply_status(const char *reply);
const char *reply_body(const char *reply);
const char *reply_header_value(struct world *world, const char *reply, const char *name);

/* The message of a reply that is a problem. */
const char *reply_message(struct world *world, const char *reply);

#endif
