/* Makes workers with everything that streams and pub/sub under leases need. */
#include "support/replicas.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GROUP        "allocd"
#define RETENTION_MS ((int64_t)60 * 60 * 1000)

struct replica replicas[REPLICAS];
struct memory_stream *shared_streams[STREAMS_ALL];
struct pubsub_server shared_pubsub;
static uint64_t replica_seed; /* no two workers draw the same id */

static const char *const stream_names[STREAMS] = {"commands", "more commands", "even more commands"};
struct stream_list shared_list;

/* ---- a worker ---- */

static void make_stream(struct replica *replica, int number, const char *name)
{
	struct replica_stream *it = &replica->streams[number];

	const struct stream_list *list = &replica->list;
	const char *key = list->text ? list->names[number] : stream_names[number];

	it->consumer = memory_consumer_new(shared_streams[number], GROUP, name);
	memory_consumer_know(it->consumer, list, shared_streams);
	it->route = (struct stream_route){list, (size_t)number};
	it->reader = stream_reader_new(
		&(struct stream_reader_ports){
			.stream = memory_consumer_port(it->consumer),
			.checkpoints = memory_checkpoints_port(replica->checkpoints),
			.clock = &replica->world->clock.clock,
			.random = &replica->world->random.random,
			.logger = &replica->world->logger.logger,
			.engine = replica->world->engine,
			.keeper = replica->keeper,
		},
		&(struct stream_reader_config){key, RETENTION_MS, is_divided(number) ? &it->route : NULL});
	it->leased = (struct leased_stream){key, memory_consumer_port(it->consumer), it->reader,
					    replica->world->engine};
	leased_stream_add(replica->keeper, &it->leased);
}

static void pause_stream(void *source)
{
	stream_reader_pause(source);
}

static void resume_stream(void *source)
{
	stream_reader_resume(source);
}

static void pause_pubsub(void *source)
{
	leased_subscription_pause(source);
}

static void resume_pubsub(void *source)
{
	leased_subscription_resume(source);
}

static void make_subscription(struct replica *replica, int number)
{
	replica->subscription = leased_subscription_new(&(struct subscription_ports){
		.engine = replica->world->engine,
		.admission = &replica->admission,
		.keeper = replica->keeper,
		.checkpoints = memory_checkpoints_port(replica->checkpoints),
		.codec = &replica->world->codec.codec,
		.clock = &replica->world->clock.clock,
		.logger = &replica->world->logger.logger,
		.mark = pubsub_client_mark,
		.pause = pubsub_client_pause,
		.resume = pubsub_client_resume,
		.context = &replica->client,
	});
	replica->client.subscription = replica->subscription;
	replica->client.keeper = replica->keeper;
	pubsub_client_init(&replica->client, &shared_pubsub, number, replica->process);
	pubsub_client_connect(&replica->client, NULL);
	admission_add(&replica->admission,
		      &(struct admission_valve){pause_pubsub, resume_pubsub, replica->subscription, false});
}

void start_replica(int number, int streams)
{
	struct replica *replica = &replicas[number];
	const char *name = arena_printf(world->arena, "worker-%d", number);

	memory_random_init(&replica->world->random, ++replica_seed);
	world_start(replica->world);
	replica->checkpoints = memory_checkpoints_new(world->database);
	replica->leases = memory_leases_new(world->database);
	replica->keeper = lease_keeper_new(
		&(struct lease_keeper_ports){
			.store = memory_leases_port(replica->leases),
			.clock = &replica->world->clock.clock,
			.random = &replica->world->random.random,
			.logger = &replica->world->logger.logger,
		},
		name);
	replica->list = shared_list;
	if (shared_list.text)
		lease_keeper_add_streams(replica->keeper, &replica->list, "");
	if (replica->also_knows)
		lease_keeper_add_message(replica->keeper, replica->also_knows);
	admission_init(&replica->admission, replica->world->engine);
	replica->process++;
	if (replica->listens)
		make_subscription(replica, number);
	for (int i = 0; i < streams; i++) {
		make_stream(replica, i, name);
		admission_add(&replica->admission,
			      &(struct admission_valve){pause_stream, resume_stream,
							replica->streams[i].reader, true});
	}
	lease_keeper_start(replica->keeper);
	world_run(world);
}

void kill_replica(int number)
{
	struct replica *replica = &replicas[number];

	if (!replica->keeper)
		return;
	admission_stop(&replica->admission);
	pubsub_client_release(&replica->client);
	for (int i = 0; i < STREAMS_ALL; i++)
		memory_consumer_free(&replica->streams[i].consumer);
	memory_checkpoints_free(&replica->checkpoints);
	memory_leases_free(&replica->leases);
	lease_keeper_free(&replica->keeper);
	world_crash(replica->world);
	leased_subscription_free(&replica->subscription);
	for (int i = 0; i < STREAMS_ALL; i++)
		stream_reader_free(&replica->streams[i].reader);
	replica->is_frozen = replica->is_stopping = false;
}

static void for_each_cable_to_database(struct replica *replica, void (*act)(struct cable *cable))
{
	act(memory_checkpoints_requests(replica->checkpoints));
	act(memory_checkpoints_answers(replica->checkpoints));
	act(memory_leases_requests(replica->leases));
	act(memory_leases_answers(replica->leases));
}

static void freeze_pubsub(struct replica *replica, bool is_frozen)
{
	if (replica->subscription)
		pubsub_client_freeze(&replica->client, is_frozen);
}

static void for_each_cable_to_redis(struct replica *replica, void (*act)(struct cable *cable))
{
	for (int i = 0; i < STREAMS_ALL; i++) {
		struct memory_consumer *consumer = replica->streams[i].consumer;

		if (!consumer)
			continue;
		act(memory_consumer_requests(consumer));
		act(memory_consumer_answers(consumer));
		act(memory_consumer_read_requests(consumer));
		act(memory_consumer_read_answers(consumer));
	}
}

void freeze_replica(int number)
{
	world_hang(replicas[number].world);
	for_each_cable_to_database(&replicas[number], cable_hold);
	for_each_cable_to_redis(&replicas[number], cable_hold);
	freeze_pubsub(&replicas[number], true);
	replicas[number].is_frozen = true;
}

void cut_database_of_replica(int number)
{
	world_cut_database(replicas[number].world);
	for_each_cable_to_database(&replicas[number], cable_hold);
	replicas[number].is_frozen = true;
}

void cut_redis_of_replica(int number)
{
	world_cut_broker(replicas[number].world);
	for_each_cable_to_redis(&replicas[number], cable_hold);
	freeze_pubsub(&replicas[number], true);
	replicas[number].is_frozen = true;
}

void thaw_replica(int number)
{
	world_wake(replicas[number].world);
	for_each_cable_to_database(&replicas[number], cable_open);
	for_each_cable_to_redis(&replicas[number], cable_open);
	freeze_pubsub(&replicas[number], false);
	replicas[number].is_frozen = false;
}

/* ---- all of them ---- */

void make_sku(const char *sku)
{
	world_send(world, TRANSPORT_HTTP, MSG_CREATE_BATCH, "ref=batch-%s\nsku=%s\nqty=1", sku, sku);
	world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=the-last-one\nsku=%s\nqty=1", sku);
}

void seed_replicas(uint64_t seed)
{
	replica_seed = seed;
}

void set_up_replicas(void)
{
	seed_replicas(1000);
	world = world_new();
	replicas[0].world = world;
	for (int i = 1; i < REPLICAS; i++)
		replicas[i].world = world_beside(world);
	for (int i = 0; i < STREAMS_ALL; i++)
		shared_streams[i] = memory_stream_new(world->simulation);
	pubsub_server_init(&shared_pubsub, world->simulation, world->arena);
}

void tear_down_replicas(void)
{
	for (int i = 0; i < REPLICAS; i++)
		kill_replica(i);
	for (int i = 0; i < STREAMS_ALL; i++)
		memory_stream_free(&shared_streams[i]);
	for (int i = 1; i < REPLICAS; i++)
		world_free(&replicas[i].world);
	world_free(&world);
	memset(replicas, 0, sizeof replicas);
	shared_list = (struct stream_list){0};
}

/* ---- what a test says and sees ---- */

bool is_reading(int number, int stream)
{
	const struct replica *replica = &replicas[number];

	return replica->keeper && replica->streams[stream].reader &&
	       lease_keeper_has(replica->keeper, &replica->streams[stream].leased) &&
	       stream_reader_stats(replica->streams[stream].reader)->is_reading;
}

const char *stream_connections(int number, int stream)
{
	struct stream *port = memory_consumer_port(replicas[number].streams[stream].consumer);

	return port->ops->connections(port);
}

bool is_handling(int number)
{
	const struct replica *replica = &replicas[number];

	return replica->keeper && lease_keeper_has(replica->keeper, replica->subscription);
}

static bool is_reading_there(void *context)
{
	const int *pair = context;

	return is_reading(pair[0], pair[1]);
}

int64_t ms_until_reading(int number, int stream)
{
	int64_t begin_ms = simulation_now_ms(world->simulation);

	ck_assert(simulation_run_until(world->simulation, is_reading_there, (int[]){number, stream}, 60000));
	return simulation_now_ms(world->simulation) - begin_ms;
}

void add_order_of(int stream, const char *orderid, const char *sku)
{
	const char *payload = arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=1", orderid, sku);

	memory_stream_add(shared_streams[stream], &(struct stream_entry){
							  .type = MSG_ALLOCATE,
							  .payload = {payload, strlen(payload)},
							  .payload_size = strlen(payload),
						  });
}

void add_entry(int stream, enum message_type type, const char *id, const char *format, ...)
{
	va_list arguments;
	char payload[256];

	va_start(arguments, format);
	vsnprintf(payload, sizeof payload, format, arguments);
	va_end(arguments);
	memory_stream_add(shared_streams[stream], &(struct stream_entry){
							  .type = type,
							  .message_id = id,
							  .payload = {payload, strlen(payload)},
							  .payload_size = strlen(payload),
						  });
}

void divide_skus(void)
{
	shared_list = (struct stream_list){.count = RANGE, .range_count = RANGE};
	memcpy(shared_list.names, stream_names, sizeof stream_names);
}

bool is_divided(int stream)
{
	return stream < (int)shared_list.range_count;
}

int stream_of_sku(const char *sku)
{
	return (int)stream_list_place(&shared_list, sku);
}

const char *stream_name(int stream)
{
	return stream_names[stream];
}

int stream_named(const char *name, size_t length)
{
	int stream = 0;

	while (strlen(stream_names[stream]) != length || strncmp(stream_names[stream], name, length) != 0)
		stream++;
	return stream;
}

void set_list(const char *text)
{
	ck_assert(stream_list_parse(text, &shared_list, world->arena));
}

const char *sku_on(int stream)
{
	const char *sku = "SKU";

	for (int i = 0; stream_of_sku(sku) != stream; i++)
		sku = arena_printf(world->arena, "SKU-%d", i);
	return sku;
}

void add_order_to(int stream, const char *orderid)
{
	add_order_of(stream, orderid, "LAMP");
}

void add_unknown_to(int stream, const char *type)
{
	memory_stream_add(shared_streams[stream],
			  &(struct stream_entry){.defect = "type: unknown command", .unknown = type});
}

/* Picks the orders out of lines "out_of_stock ORDER SKU 1 - VERSION". */
const char *orders_of(const char *sku)
{
	const char *text = "", *line = published();

	for (const char *next; *line; line = next) {
		char order[64], its_sku[64];

		next = strchr(line, '\n') + 1;
		if (sscanf(line, "out_of_stock %63s %63s", order, its_sku) == 2 && !strcmp(its_sku, sku))
			text = arena_printf(world->arena, "%s%s ", text, order);
	}
	return text;
}

bool is_acknowledged(int stream)
{
	return !memory_stream_pending(shared_streams[stream], GROUP) &&
	       !memory_stream_unread(shared_streams[stream], GROUP);
}

void expect_acknowledged(int stream)
{
	ck_assert(is_acknowledged(stream));
}
