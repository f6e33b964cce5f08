/*
 * A worker in a simulated world: the engine on the in-memory adapters.
 *
 * Messages are sent in the codec's text format, one line for each field.  The outcome of each is recorded,
 * for every transport.  A worker may die and another one start on the same database.
 */
#ifndef ALLOCD_TESTS_WORLD_H
#define ALLOCD_TESTS_WORLD_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/ports/broker.h"
#include "adapters/memory/ports/logger.h"
#include "adapters/memory/ports/notifier.h"
#include "adapters/memory/ports/text_codec.h"
#include "adapters/memory/ports/tracer.h"
#include "adapters/memory/simulation/clock.h"
#include "adapters/memory/simulation/lost.h"
#include "adapters/memory/simulation/random.h"
#include "adapters/memory/store/memory_store.h"
#include "bus/engine/engine.h"
#include "bus/leases/lease.h"

#include <check.h>

/* A message that was sent, and the answer to it. */
struct sent {
	struct sent *next;
	enum transport transport;
	int answers;
	enum outcome outcome;
	enum verdict verdict;
	const char *reason;
	int64_t answered_at_ms;
	int order; /* the number of its answer among all answers, from 1 */
};

struct world {
	bool is_guest; /* the next two belong to its host */
	struct simulation *simulation;
	struct database *database;
	struct memory_broker *broker; /* this world's connection to the broker */
	struct memory_notifier *notifier;
	struct memory_codec codec;
	struct memory_clock clock;
	struct memory_random random;
	struct memory_logger logger;
	struct tracer *tracer;                  /* of the workers that start from now on; NULL: none */
	const struct predecessor *predecessors; /* the same */
	struct arena *arena;

	/* The worker; its stores are NULL while no worker runs. */
	struct engine_config config;
	struct lease *lease; /* under which entries of streams are sent; NULL: none */
	struct memory_store *lanes[LANES_MAX], *parking, *intake, *publisher, *housekeeper;
	struct engine *engine;

	struct sent *first, *last;
	int answers;
	int room_calls; /* the number of times a full queue had room again */
	bool was_full;
	bool drained;
};

#define DEAD_LETTERS_MAX  1000
#define INBOX_DAYS        7
#define DEAD_LETTERS_DAYS 90

/* A world without a worker yet: one lane, units of up to 1000 messages, a queue that no test fills. */
struct world *world_new(void);

/*
 * A world for another worker on the same database and the same broker; it is freed before its host.  Both
 * share simulated time: world_advance_ms() of one advances both.
 */
struct world *world_beside(struct world *host);

/* Accepts NULL in *world and nulls it. */
void world_free(struct world **world);

/* Starts the worker, and runs everything that is due. */
void world_start(struct world *world);

/* Creates the worker without starting it, for tests that inject failures into its first calls. */
void world_prepare(struct world *world);

/*
 * The worker dies; its flushes in flight are lost on the way (see adapters/memory/simulation/lost.h).
 */
void world_crash(struct world *world);

/*
 * Freezes the worker: until world_wake() it neither sends nor receives anything; or only nothing to and from
 * the database, or the broker.
 */
void world_hang(struct world *world);
void world_cut_database(struct world *world);
void world_cut_broker(struct world *world);
void world_wake(struct world *world);

/* Sends a message whose payload is formatted as by printf.  The answer is recorded in the returned struct. */
__attribute__((format(printf, 4, 5))) struct sent *world_send(struct world *world, enum transport transport,
							      enum message_type type, const char *format,
							      ...);

/* A lease that the database has, with one user; and another worker takes it. */
struct lease *world_grant_lease(struct world *world, const char *name);
void world_take_lease(struct world *world, const char *name);

/* Runs everything that is due now. */
void world_run(struct world *world);
void world_advance_ms(struct world *world, int64_t ms);

/* Advances time until every message is answered and every event is published and its cursor saved. */
void world_settle(struct world *world);

/* ---- with the world of the test that runs: made and freed by these ---- */

extern struct world *world;

/* Set up a world without a worker, with a worker of one lane, or with one of two lanes. */
void set_up_no_worker(void);
void set_up_world(void);
void set_up_two_lanes(void);
void tear_down_world(void);

/* ---- shorthands: sent over HTTP to `world` ---- */

struct sent *create_batch(const char *reference, const char *sku, int qty);
struct sent *allocate(const char *orderid, const char *sku, int qty);
struct sent *change_quantity(const char *reference, int qty);

/* Sends `count` lines of quantity 1, for the orders PREFIX-00000 and so on. */
void allocate_many(const char *prefix, const char *sku, int count);

/* Runs until every message that was sent is handled, without advancing time. */
void expect_handled(const struct sent *sent);

/* Returns the reference of the batch that holds the line, or "" if no batch does. */
const char *batch_of(const char *orderid, const char *sku, int qty);

/* The published events, one per line: "line_allocated order-1 LAMP 10 batch 1".  Valid like the world. */
const char *published(void);

/* Returns the SKU of that number, from 0, among those of the lane. */
const char *sku_in_lane(size_t lane, int number);

/* ---- lane 0 of `world`, step by step ---- */

/* Holds the lane's further calls to the database; each step releases one and runs everything that follows. */
void hold_lane(void);
void step_lane(void);
void release_lane(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
