/* Starts and stops a reader beside the worker. */
#include "unit/bus/intake/stream_world.h"

#include <string.h>

struct memory_stream *stream;
const char *consumer_name;
struct memory_consumer *consumer;
struct memory_checkpoints *checkpoints;
struct stream_reader *reader;

void set_up_stream(void)
{
	stream = memory_stream_new(world->simulation);
	consumer_name = "worker";
}

void set_up_sold_out(void)
{
	set_up_world();
	set_up_stream();
	create_batch("batch", "LAMP", 1);
	allocate("first", "LAMP", 1);
	world_settle(world);
	world_crash(world);
}

void set_up_reading(void)
{
	set_up_sold_out();
	start_reading();
}

void tear_down_stream_world(void)
{
	crash_reading();
	memory_stream_free(&stream);
	tear_down_world();
}

/*
 * Pauses or resumes the reader as the worker does: while the engine is full or takes no commands, or the
 * database is down, entries wait in the stream.
 */
static void hold_or_let_go(void *context)
{
	(void)context;
	if (engine_is_full(world->engine) || !engine_takes_commands(world->engine) ||
	    !engine_stats(world->engine)->database_up)
		stream_reader_pause(reader);
	else
		stream_reader_resume(reader);
}

void prepare_reader(void)
{
	struct stream_reader_ports ports = {
		.clock = &world->clock.clock,
		.random = &world->random.random,
		.logger = &world->logger.logger,
		.engine = world->engine,
	};

	consumer = memory_consumer_new(stream, GROUP, consumer_name);
	checkpoints = memory_checkpoints_new(world->database);
	ports.stream = memory_consumer_port(consumer);
	ports.checkpoints = memory_checkpoints_port(checkpoints);
	reader = stream_reader_new(
		&ports, &(struct stream_reader_config){.name = "commands", .retention_ms = RETENTION_MS});
	engine_on_change(world->engine, hold_or_let_go, NULL);
}

void begin_reader(void)
{
	prepare_reader();
	stream_reader_start(reader);
	world_run(world);
}

void start_reading(void)
{
	world_start(world);
	begin_reader();
}

void crash_reading(void)
{
	memory_consumer_free(&consumer);
	memory_checkpoints_free(&checkpoints);
	world_crash(world);
	stream_reader_free(&reader);
}

/* ---- entries, and what came of them ---- */

struct stream_id add_order_at(const char *orderid, struct stream_id id, size_t whole_size)
{
	const char *payload = arena_printf(world->arena, "orderid=%s\nsku=LAMP\nqty=1", orderid);

	return memory_stream_add(stream, &(struct stream_entry){.id = id,
								.type = MSG_ALLOCATE,
								.payload = {payload, strlen(payload)},
								.payload_size = strlen(payload),
								.whole_size = whole_size});
}

struct stream_id add_order(const char *orderid)
{
	return add_order_at(orderid, (struct stream_id){0}, 0);
}

/* Picks the orders out of lines "out_of_stock ORDER LAMP 1 - VERSION". */
const char *handled_orders(void)
{
	const char *line = published(), *text = "";

	for (; *line; line = strchr(line, '\n') + 1) {
		const char *order = strchr(line, ' ') + 1;

		text = arena_printf(world->arena, "%s%s%.*s", text, *text ? " " : "",
				    (int)(strchr(order, ' ') - order), order);
	}
	return text;
}

size_t lines_logged(const char *text)
{
	return memory_logger_count(&world->logger, text);
}

struct engine_trouble stream_trouble(void)
{
	struct engine_trouble trouble = {"", 0};

	stream_reader_trouble(reader, world->arena, &trouble);
	return trouble;
}

void expect_stream_is_done(void)
{
	ck_assert_uint_eq(memory_stream_pending(stream, GROUP), 0);
	ck_assert(stream_reader_is_idle(reader));
	ck_assert_str_eq(stream_trouble().text, "");
}

/* ---- words for the tests of the reader ---- */

struct stream_entry order_entry(const char *orderid)
{
	const char *payload = arena_printf(world->arena, "orderid=%s\nsku=LAMP\nqty=1", orderid);

	return (struct stream_entry){
		.type = MSG_ALLOCATE, .payload = {payload, strlen(payload)}, .payload_size = strlen(payload)};
}

struct stream_id add_order_with_id(const char *orderid, const char *id)
{
	struct stream_entry entry = order_entry(orderid);

	entry.message_id = id;
	return memory_stream_add(stream, &entry);
}

void add_orders(int count)
{
	for (int i = 0; i < count; i++)
		add_order(arena_printf(world->arena, "many-%d", i));
}

void expect_read(void *context, const struct stream_entry *entries, size_t count,
		 const struct failure *failure)
{
	(void)context;
	(void)entries;
	(void)count;
	ck_assert_ptr_null(failure);
}

void expect_no_failure(void *context, const struct failure *failure)
{
	(void)context;
	ck_assert_ptr_null(failure);
}

void read_and_crash(const char *name)
{
	struct memory_consumer *other = memory_consumer_new(stream, GROUP, name);
	struct stream *port = memory_consumer_port(other);

	port->ops->create_group(port, (struct stream_id){0}, expect_no_failure, NULL);
	world_run(world);
	port->ops->read_new(port, STREAM_READ_FIRST, true, expect_read, NULL);
	world_run(world);
	memory_consumer_free(&other);
}

const struct stream_reader_stats *reader_stats(void)
{
	return stream_reader_stats(reader);
}

size_t pending_count(void)
{
	return memory_stream_pending(stream, GROUP);
}

size_t acknowledge_calls(void)
{
	return memory_consumer_calls(consumer, STREAM_ACKNOWLEDGE);
}

int64_t stream_incarnation(void)
{
	return database_stream(world->database, "commands")->record.incarnation;
}

void expect_all_acknowledged(void)
{
	ck_assert_uint_eq(pending_count(), 0);
	ck_assert_uint_eq(reader_stats()->in_flight, 0);
	ck_assert(stream_reader_is_idle(reader));
}
