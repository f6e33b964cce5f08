/*
 * Measures the cost of a unit of work for Postgres and Redis: run by guard.py, on private servers.  The
 * worker is the real one except for its clock (see worker.h): engine, codec, Postgres adapter, publisher,
 * stream reader.
 *
 *     units CONTROL-CONNINFO DATABASE-URL REDIS-URL [pooled]
 *
 * The last word selects the mode for a pooler (ALLOCD_POOLED=on), though there is no pooler, and fewer cases.
 *
 * Prints, for each case, the number of units, and their total cost (see meter.h).
 */
#include "adapters/codec/codec.h"
#include "adapters/postgres/postgres.h"
#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/redis/stream/redis_stream.h"
#include "bus/intake/stream_reader.h"
#include "bus/leases/lease.h"
#include "meter.h"
#include "worker.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* After this long, more than a slow machine needs, SIGALRM ends the program. */
#define PATIENCE_S 60

#define STREAM       "allocd:commands"
#define EVENT_STREAM "allocd:events"
#define DATABASE     "allocd"

struct world {
	struct event_base *base;
	struct codec *codec;
	struct postgres_config postgres;
	struct postgres_store *lane, *intake, *publishing, *housekeeper;
	struct redis_url url;
	struct redis_settings redis;
	struct redis_publisher *publisher;
	struct checkpoints *checkpoints;
	struct redis_stream *stream;
	struct stream_reader *reader;
	struct worker worker;
	struct meter *meter;
};

struct counted {
	const char *name;
	enum work work;
	int messages, units;
	enum outcome outcome;
};

static const struct counted all[] = {
	{"1 allocate", ALLOCATE, 1, 50, OUTCOME_HANDLED},
	{"10 allocates", ALLOCATE, 10, 20, OUTCOME_HANDLED},
	{"100 allocates", ALLOCATE, 100, 10, OUTCOME_HANDLED},
	{"1000 allocates of 100 SKUs", ALLOCATE, 1000, 5, OUTCOME_HANDLED},
	{"100 deallocates", DEALLOCATE, 100, 5, OUTCOME_HANDLED},
	{"100 ships", SHIP, 100, 5, OUTCOME_HANDLED},
	{"100 change_batch_quantity that move a line each", REALLOCATE, 100, SMALL_QTY - 2, OUTCOME_HANDLED},
	{"100 create_batch", NEW_BATCH, 100, 5, OUTCOME_HANDLED},
	{"100 allocates of unknown SKUs", UNKNOWN_SKU, 100, 5, OUTCOME_REJECTED},
	{"100 allocates that came before", SAME_ID, 100, 5, OUTCOME_SKIPPED},
};

/* The difference of this mode is the same in every case. */
static const struct counted pooled[] = {
	{"1 allocate", ALLOCATE, 1, 50, OUTCOME_HANDLED},
	{"100 allocates", ALLOCATE, 100, 10, OUTCOME_HANDLED},
	{"100 change_batch_quantity that move a line each", REALLOCATE, 100, SMALL_QTY - 2, OUTCOME_HANDLED},
};

static struct world world;
static bool is_pooled;

/* ---- the loop ---- */

typedef bool condition(void);

/* Runs the events that are due now, but no timers. */
static void run_until(condition *holds)
{
	simulation_run_until_idle(world.worker.simulation);
	while (!holds()) {
		event_base_loop(world.base, EVLOOP_ONCE);
		simulation_run_until_idle(world.worker.simulation);
	}
}

static bool is_done(void)
{
	return worker_is_done(&world.worker);
}

static bool has_begun(void)
{
	return redis_publisher_is_up(world.publisher) && engine_is_idle(world.worker.engine);
}

/* While connections are made, retries need the clock. */
static void begin(void)
{
	worker_start(&world.worker);
	while (!has_begun()) {
		event_base_loop(world.base, EVLOOP_ONCE);
		simulation_advance_ms(world.worker.simulation, 1);
	}
}

/* ---- the parts ---- */

static struct url_source url_of(const char *database)
{
	return (struct url_source){
		.read = url_read_text, .context = (void *)(uintptr_t)database, .pooled = is_pooled};
}

static void migrate(const char *database)
{
	struct url_source url = url_of(database);
	char text[SCHEMA_TEXT_SIZE];

	if (postgres_migrate(&url, PATIENCE_S * 1000, &world.worker.logger.logger, text) != SCHEMA_READY)
		give_up("%s", text);
}

static void make_stores(const char *database)
{
	struct engine_ports *ports = &world.worker.ports;

	world.postgres = (struct postgres_config){
		.base = world.base,
		.url = url_of(database),
		.logger = ports->logger,
		.inbox_days = 7,
		.dead_letters_max = 100000,
		.dead_letters_days = 90,
	};
	world.lane = postgres_store_new(&world.postgres, "lane");
	world.intake = postgres_store_new(&world.postgres, "intake");
	world.publishing = postgres_store_new(&world.postgres, "publisher");
	world.housekeeper = postgres_store_new(&world.postgres, "reminder");
	ports->lane_stores[0] = postgres_unit_store(world.lane);
	ports->batch_directory = postgres_batch_directory(world.intake);
	ports->process_store = postgres_process_store(world.intake);
	ports->outbox_store = postgres_outbox_store(world.publishing);
	ports->chores_store = postgres_chores_store(world.housekeeper);
	world.checkpoints = postgres_checkpoints_new(&world.postgres);
}

static void make_publisher(const char *url)
{
	struct engine_ports *ports = &world.worker.ports;
	const char *error;

	if (!redis_url_parse(&world.url, url, &error))
		give_up("%s", error);
	world.redis =
		(struct redis_settings){.base = world.base,
					.url = {.read = url_read_text, .context = (void *)(uintptr_t)url},
					.random = ports->random,
					.logger = ports->logger};
	world.publisher = redis_publisher_new(&world.redis, &(struct redis_publisher_config){
								    .name = "guard-publisher",
								    .prefix = "",
								    .event_stream = EVENT_STREAM,
							    });
	ports->broker = redis_publisher_broker(world.publisher);
}

static void set_up(const char *control, const char *database, const char *redis)
{
	world.base = event_base_new();
	world.codec = codec_new(&(struct codec_config){CODEC_JSON, CODEC_BARE, "guard"});
	worker_init(&world.worker, world.codec);
	migrate(database);
	make_stores(database);
	make_publisher(redis);
	world.meter = meter_new(control, DATABASE, world.url.host, world.url.port);
	begin();
}

static void tear_down(void)
{
	meter_free(&world.meter);
	redis_publisher_free(&world.publisher);
	postgres_checkpoints_free(&world.checkpoints);
	postgres_store_free(&world.lane);
	postgres_store_free(&world.intake);
	postgres_store_free(&world.publishing);
	postgres_store_free(&world.housekeeper);
	worker_release(&world.worker);
	codec_free(&world.codec);
	redis_url_release(&world.url);
	event_base_free(world.base);
}

/* ---- units ---- */

static void do_unit(enum work work, int messages, enum outcome outcome)
{
	worker_send(&world.worker, work, DRESS_JSON, messages);
	run_until(is_done);
	worker_expect_unit(&world.worker, outcome, messages);
}

/* The small batches are the last ones whose SKU is cached, so none of them is looked up. */
static void stock_up(void)
{
	do_unit(STOCK_SHELF, SKUS, OUTCOME_HANDLED);
	do_unit(STOCK_LARGE, SKUS, OUTCOME_HANDLED);
	do_unit(STOCK_SMALL, SKUS, OUTCOME_HANDLED);
	for (int i = 0; i < SMALL_QTY; i++)
		do_unit(FILL_SMALL, SKUS, OUTCOME_HANDLED);
}

/* Allocates the lines that the counted units and those before them release. */
static void hold_lines(const struct counted *it)
{
	for (int i = 0; i < 2 + it->units; i++)
		do_unit(it->work == SHIP ? LOAD : HOLD, it->messages, OUTCOME_HANDLED);
}

/* Two units before are not counted, so that statements are prepared, and rows have been updated before. */
static void count(const struct counted *it)
{
	if (it->work == DEALLOCATE || it->work == SHIP)
		hold_lines(it);
	do_unit(it->work, it->messages, it->work == SAME_ID ? OUTCOME_HANDLED : it->outcome);
	do_unit(it->work, it->messages, it->outcome);
	meter_begin(world.meter);
	for (int i = 0; i < it->units; i++)
		do_unit(it->work, it->messages, it->outcome);
	printf("%s\tunits\t%d\n", it->name, it->units);
	meter_end(world.meter, it->name);
}

static void count_all(const struct counted *cases, size_t number)
{
	for (size_t i = 0; i < number; i++)
		count(&cases[i]);
}

/* After a duplicate, this many units look everything up. */
#define LOOK_UP_UNITS 16

/* Exhausted batches of a SKU cost its later units nothing: both counts are alike. */
static void count_of_one_sku(void)
{
	do_unit(STOCK_SHIPMENT, 1, OUTCOME_HANDLED);
	for (int i = 0; i < LOOK_UP_UNITS; i++)
		do_unit(ALLOCATE_ONE_SKU, 1, OUTCOME_HANDLED);
	count(&(struct counted){"100 allocates of one SKU", ALLOCATE_ONE_SKU, 100, 10, OUTCOME_HANDLED});
	for (int i = 0; i < 10; i++)
		do_unit(STOCK_PIECE, 100, OUTCOME_HANDLED);
	for (int i = 0; i < 10; i++)
		do_unit(ALLOCATE_ONE_SKU, 100, OUTCOME_HANDLED);
	count(&(struct counted){"100 allocates of one SKU with 1000 exhausted batches", ALLOCATE_ONE_SKU, 100,
				10, OUTCOME_HANDLED});
}

/* ---- a stream ---- */

/* The number of entries that the first read returns, so that they are one unit. */
#define ENTRIES 50
_Static_assert(ENTRIES == STREAM_READ_FIRST, "one read brings them all");

static void make_reader(void)
{
	const struct engine_ports *ports = &world.worker.ports;

	world.stream = redis_stream_new(&world.redis, &(struct redis_stream_config){
							      .name = "guard-stream",
							      .key = STREAM,
							      .group = "allocd",
							      .consumer = "guard",
						      });
	world.reader = stream_reader_new(
		&(struct stream_reader_ports){
			.stream = redis_stream_port(world.stream),
			.checkpoints = world.checkpoints,
			.clock = ports->clock,
			.random = ports->random,
			.logger = ports->logger,
			.engine = world.worker.engine,
		},
		&(struct stream_reader_config){.name = STREAM, .retention_ms = 1000});
}

static bool stream_is_up(void)
{
	return !redis_stream_trouble(world.stream);
}

static bool all_is_acknowledged(void)
{
	return is_done() && stream_reader_stats(world.reader)->acknowledged == ENTRIES;
}

static void add_entries(void)
{
	struct arena *arena = arena_new(4096);
	int round = world.worker.rounds[ALLOCATE]++;

	for (int i = 0; i < ENTRIES; i++) {
		struct command command = command_make(arena, ALLOCATE, DRESS_JSON, round, i);

		meter_add_entry(world.meter, STREAM, i + 1, message_name(command.type), command.payload);
	}
	arena_free(&arena);
}

/* The lease under which the stream is read, as in a worker. */
static struct lease *make_lease(const char *database)
{
	struct lease *lease = lease_new(STREAM, world.worker.ports.random);
	PGconn *pg = PQconnectdb(database);
	PGresult *result = PQexecParams(pg, "insert into leases (name, term) values ($1, $2)", 2, NULL,
					(const char *const[]){lease->name, lease->term}, NULL, NULL, 0);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		give_up("%s", PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
	return lease;
}

static void count_reading(struct lease *lease)
{
	const char *name = "a stream's reader begins, and reads 50 allocates";

	do_unit(ALLOCATE, ENTRIES, OUTCOME_HANDLED);
	do_unit(ALLOCATE, ENTRIES, OUTCOME_HANDLED);
	make_reader();
	run_until(stream_is_up);
	add_entries();
	meter_begin(world.meter);
	stream_reader_lead(world.reader, lease);
	run_until(all_is_acknowledged);
	worker_expect_unit(&world.worker, OUTCOME_HANDLED, ENTRIES);
	printf("%s\tunits\t1\n", name);
	meter_end(world.meter, name);
	redis_stream_free(&world.stream);
	stream_reader_free(&world.reader);
}

/* What the check of a lease adds to the smallest unit. */
static void count_under_lease(struct lease *lease)
{
	world.worker.lease = lease;
	count(&(struct counted){"1 allocate under a lease", ALLOCATE, 1, 50, OUTCOME_HANDLED});
	world.worker.lease = NULL;
}

int main(int argc, char **argv)
{
	struct lease *lease;

	if (argc != 4 && argc != 5)
		give_up("usage: %s CONTROL-CONNINFO DATABASE-URL REDIS-URL [pooled]", argv[0]);
	is_pooled = argc == 5;
	signal(SIGPIPE, SIG_IGN);
	alarm(PATIENCE_S);
	set_up(argv[1], argv[2], argv[3]);
	stock_up();
	if (is_pooled) {
		count_all(pooled, sizeof pooled / sizeof pooled[0]);
	} else {
		lease = make_lease(argv[2]);
		count_reading(lease);
		count_all(all, sizeof all / sizeof all[0]);
		count_of_one_sku();
		count_under_lease(lease);
		lease_release(&lease);
	}
	tear_down();
	return 0;
}
