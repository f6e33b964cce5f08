/* The engine, the ports that are the same for every count, and the outcomes of the messages sent. */
#include "worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_MAX 1000

void give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

void worker_init(struct worker *worker, struct codec *codec)
{
	memset(worker, 0, sizeof *worker);
	worker->arena = arena_new(4096);
	worker->submit = engine_submit;
	worker->simulation = simulation_new();
	memory_clock_init(&worker->clock, worker->simulation);
	memory_random_init(&worker->random, 1);
	memory_logger_init(&worker->logger);
	worker->logger.logger.level = LOG_ERROR; /* writing log lines is not measured */
	worker->notifier = memory_notifier_new(worker->simulation);
	worker->ports.codec = codec;
	worker->ports.notifier = memory_notifier_port(worker->notifier);
	worker->ports.clock = &worker->clock.clock;
	worker->ports.random = &worker->random.random;
	worker->ports.logger = &worker->logger.logger;
}

void worker_start(struct worker *worker)
{
	worker->engine = engine_new(&worker->ports, &(struct engine_config){
							    .unit_max = UNIT_MAX,
							    .move_max = MOVE_MAX_DEFAULT,
							    .lanes = 1,
							    .queue_max = 4 * UNIT_MAX,
							    .queue_bytes = (size_t)16 * 1024 * 1024,
						    });
	engine_start(worker->engine);
}

void worker_release(struct worker *worker)
{
	engine_free(&worker->engine);
	memory_notifier_free(&worker->notifier);
	memory_logger_release(&worker->logger);
	simulation_free(&worker->simulation);
	arena_free(&worker->arena);
}

static void send(struct worker *worker, const struct command *command)
{
	char entry_id[32];

	snprintf(entry_id, sizeof entry_id, "1700000000000-%06d", worker->entries++);
	worker->submit(worker->engine, &(struct arrival){
					       .transport = TRANSPORT_STREAM,
					       .origin = "allocd:commands",
					       .entry_id = entry_id,
					       .incarnation = 1,
					       .lease = worker->lease,
					       .type = command->type,
					       .payload = command->payload,
					       .payload_size = command->payload.size,
				       });
}

void worker_send(struct worker *worker, enum work work, enum dress dress, int count)
{
	int round = worker->rounds[work]++;

	arena_clear(worker->arena);
	for (int number = 0; number < count; number++) {
		struct command command = command_make(worker->arena, work, dress, round, number);

		send(worker, &command);
	}
}

bool worker_is_done(const struct worker *worker)
{
	const struct engine_stats *stats = engine_stats(worker->engine);

	return !stats->queued && !stats->unpublished;
}

void worker_expect_unit(struct worker *worker, enum outcome outcome, int count)
{
	const struct engine_stats *now = engine_stats(worker->engine), *before = &worker->before;
	int came = (int)(message_statistics_count(&now->by_message, outcome) -
			 message_statistics_count(&before->by_message, outcome));

	if (came != count || now->received - before->received != (uint64_t)count)
		give_up("%d of %d messages were %s", came, count, outcome_name(outcome));
	if (now->units != before->units + 1)
		give_up("%d messages were %d units of work", count, (int)(now->units - before->units));
	worker->before = *now;
}
