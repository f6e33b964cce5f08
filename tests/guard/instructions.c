/*
 * Counts the instructions a message of decode → handle → encode, for fixed commands: run by guard.py, under
 * callgrind.  Prints a line for each case: its name, a tab, the number of messages that were counted.
 */
#include "adapters/codec/codec.h"
#include "adapters/memory/database/database.h"
#include "adapters/memory/ports/broker.h"
#include "adapters/memory/store/memory_store.h"
#include "gate.h"
#include "worker.h"

#include <jansson.h>
#include <stdio.h>

#define MESSAGES 100 /* in a unit of work */
#define UNITS    4   /* counted units, after two warm-up units */

struct world {
	struct codec *codec;
	struct database *database;
	struct memory_broker *broker;
	struct memory_store *lane, *intake, *publisher, *housekeeper;
	struct worker worker;
};

struct counted {
	const char *name;
	enum work work;
	enum dress dress;
	struct codec_config events;
	enum outcome outcome;
};

#define BARE_JSON                                                                                            \
	{                                                                                                    \
		CODEC_JSON, CODEC_BARE, "guard"                                                              \
	}
#define MSGPACK                                                                                              \
	{                                                                                                    \
		CODEC_MSGPACK, CODEC_BARE, "guard"                                                           \
	}
#define CLOUDEVENT                                                                                           \
	{                                                                                                    \
		CODEC_JSON, CODEC_CLOUDEVENTS, "guard"                                                       \
	}

static const struct counted all[] = {
	{"allocate, JSON", ALLOCATE, DRESS_JSON, BARE_JSON, OUTCOME_HANDLED},
	{"allocate, MessagePack", ALLOCATE, DRESS_MSGPACK, MSGPACK, OUTCOME_HANDLED},
	{"allocate, CloudEvents", ALLOCATE, DRESS_CLOUDEVENT, CLOUDEVENT, OUTCOME_HANDLED},
	{"deallocate, JSON", DEALLOCATE, DRESS_JSON, BARE_JSON, OUTCOME_HANDLED},
	{"ship, JSON", SHIP, DRESS_JSON, BARE_JSON, OUTCOME_HANDLED},
	{"change_batch_quantity that moves a line, JSON", REALLOCATE, DRESS_JSON, BARE_JSON, OUTCOME_HANDLED},
	{"create_batch, JSON", NEW_BATCH, DRESS_JSON, BARE_JSON, OUTCOME_HANDLED},
	{"allocate of an unknown SKU, JSON", UNKNOWN_SKU, DRESS_JSON, BARE_JSON, OUTCOME_REJECTED},
	{"allocate that came before, JSON", SAME_ID, DRESS_JSON, BARE_JSON, OUTCOME_SKIPPED},
};

/* Exhausted batches of a SKU cost its later messages nothing: these figures are alike. */
static const struct {
	const char *name;
	int units; /* that exhaust MESSAGES batches each, before the counted ones */
} of_one_sku[] = {
	{"allocate of one SKU, JSON", 0},
	{"allocate of one SKU with 1000 exhausted batches, JSON", 10},
};

static void submit(struct engine *engine, const struct arrival *arrival)
{
	gate_open();
	engine_submit(engine, arrival);
	gate_close();
}

static void set_up(struct world *world, const struct codec_config *events)
{
	struct worker *worker = &world->worker;
	struct database_config config = {
		.dead_letters_max = 100000, .inbox_days = 7, .dead_letters_days = 90};

	world->codec = codec_new(events);
	worker_init(worker, world->codec);
	worker->submit = submit;
	world->database = database_new(worker->simulation, &config);
	world->broker = memory_broker_new(worker->simulation);
	worker->ports.broker = memory_broker_port(world->broker);
	world->lane = memory_store_new(world->database);
	world->intake = memory_store_new(world->database);
	world->publisher = memory_store_new(world->database);
	world->housekeeper = memory_store_new(world->database);
	worker->ports.lane_stores[0] = memory_unit_store(world->lane);
	worker->ports.batch_directory = memory_batch_directory(world->intake);
	worker->ports.process_store = memory_process_store(world->intake);
	worker->ports.outbox_store = memory_outbox_store(world->publisher);
	worker->ports.chores_store = memory_chores_store(world->housekeeper);
	gate_install(&worker->ports);
	worker_start(worker);
	simulation_run_until_idle(worker->simulation);
}

static void tear_down(struct world *world)
{
	memory_store_free(&world->lane);
	memory_store_free(&world->intake);
	memory_store_free(&world->publisher);
	memory_store_free(&world->housekeeper);
	memory_broker_free(&world->broker);
	database_free(&world->database);
	worker_release(&world->worker);
	codec_free(&world->codec);
	gate_remove();
}

static void do_messages(struct world *world, enum work work, enum dress dress, enum outcome outcome,
			int count)
{
	worker_send(&world->worker, work, dress, count);
	simulation_run_until_idle(world->worker.simulation);
	if (!worker_is_done(&world->worker))
		give_up("not everything was done");
	worker_expect_unit(&world->worker, outcome, count);
}

static void do_unit(struct world *world, enum work work, enum dress dress, enum outcome outcome)
{
	do_messages(world, work, dress, outcome, MESSAGES);
}

static void stock_up(struct world *world)
{
	do_unit(world, STOCK_SHELF, DRESS_JSON, OUTCOME_HANDLED);
	do_unit(world, STOCK_LARGE, DRESS_JSON, OUTCOME_HANDLED);
	do_unit(world, STOCK_SMALL, DRESS_JSON, OUTCOME_HANDLED); /* the last batches whose SKU is cached */
	for (int i = 0; i < SMALL_QTY; i++)
		do_unit(world, FILL_SMALL, DRESS_JSON, OUTCOME_HANDLED);
}

/* Allocates the lines that the counted units and those before them release. */
static void hold_lines(struct world *world, enum work work)
{
	for (int i = 0; i < 2 + UNITS; i++)
		do_unit(world, work, DRESS_JSON, OUTCOME_HANDLED);
}

static void exhaust_batches(struct world *world, int units)
{
	do_messages(world, STOCK_SHIPMENT, DRESS_JSON, OUTCOME_HANDLED, 1);
	for (int i = 0; i < units; i++)
		do_unit(world, STOCK_PIECE, DRESS_JSON, OUTCOME_HANDLED);
	for (int i = 0; i < units; i++)
		do_unit(world, ALLOCATE_ONE_SKU, DRESS_JSON, OUTCOME_HANDLED);
}

/* Two units before are not counted, so that caches are filled. */
static void count_units(struct world *world, const struct counted *it)
{
	do_unit(world, it->work, it->dress, it->work == SAME_ID ? OUTCOME_HANDLED : it->outcome);
	do_unit(world, it->work, it->dress, it->outcome);
	gate_begin();
	for (int i = 0; i < UNITS; i++)
		do_unit(world, it->work, it->dress, it->outcome);
	gate_end(it->name);
	printf("%s\t%d\n", it->name, UNITS * MESSAGES);
}

static void count(const struct counted *it)
{
	struct world world = {0};

	set_up(&world, &it->events);
	stock_up(&world);
	if (it->work == DEALLOCATE || it->work == SHIP)
		hold_lines(&world, it->work == SHIP ? LOAD : HOLD);
	count_units(&world, it);
	tear_down(&world);
}

/*
 * The first dump is not read.  A reset of the counts leaves those of some inlined functions, which grow with
 * the history; a dump leaves none.
 */
static void count_of_one_sku(const char *name, int units)
{
	const struct counted counted = {name, ALLOCATE_ONE_SKU, DRESS_JSON, BARE_JSON, OUTCOME_HANDLED};
	struct world world = {0};

	set_up(&world, &counted.events);
	exhaust_batches(&world, units);
	gate_end("history");
	count_units(&world, &counted);
	tear_down(&world);
}

int main(void)
{
	json_object_seed(1); /* a random seed would change which keys share a bucket */
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		count(&all[i]);
	for (size_t i = 0; i < sizeof of_one_sku / sizeof of_one_sku[0]; i++)
		count_of_one_sku(of_one_sku[i].name, of_one_sku[i].units);
	return 0;
}
