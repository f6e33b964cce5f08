/* Puts a reader beside the worker, and takes it away again. */
#include "stream_world.h"

struct memory_stream *stream;
struct memory_consumer *consumer;
struct memory_logbook *logbook;
struct stream_reader *reader;

void set_up_stream(void)
{
	stream = memory_stream_new(world->simulation);
}

void tear_down_stream_world(void)
{
	crash_reading();
	memory_stream_free(&stream);
	tear_down_world();
}

/* As the worker's consumer does it: what can wait in the stream waits there. */
static void hold_or_let_go(void *context)
{
	(void)context;
	if (engine_is_full(world->engine) || !engine_stats(world->engine)->database_up)
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

	consumer = memory_consumer_new(stream, GROUP, "worker");
	logbook = memory_logbook_new(world->database);
	ports.stream = memory_consumer_port(consumer);
	ports.logbook = memory_logbook_port(logbook);
	reader = stream_reader_new(&ports, &(struct stream_reader_config){"commands", RETENTION_MS});
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
	memory_logbook_free(&logbook);
	world_crash(world);
	stream_reader_free(&reader);
}
