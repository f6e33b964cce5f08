/* What the engine and its parts report. */
#include "entrypoints/status/observation.h"

static struct report report(bool is_bad, const struct engine_trouble *trouble)
{
	return (struct report){is_bad, trouble->text ? trouble->text : "", trouble->for_ms};
}

static void observe_troubles(struct observation *observation, const struct engine *engine)
{
	const struct engine_stats *stats = engine_stats(engine);
	struct engine_trouble trouble = {0};

	observation->units = report(engine_database_trouble(engine, &trouble), &trouble);
	observation->events = report(engine_events_trouble(engine, &trouble), &trouble);
	observation->parked = report(engine_parked_trouble(engine, &trouble), &trouble);
	observation->is_restored = !engine_takes_commands(engine);
	observation->pauses_pubsub = engine_pauses_pubsub(engine);
	observation->damaged = stats->damaged;
	observation->damaged_partition = stats->damaged_partition;
	observation->damaged_position = stats->damaged_position;
	observation->damaged_is_absent = stats->damaged_is_absent;
	observation->is_mail_down = !stats->notifier_up;
}

void observe_engine(struct observation *observation, const struct engine *engine)
{
	const struct engine_stats *stats = engine_stats(engine);

	observe_troubles(observation, engine);
	observation->doing.waiting = stats->queued;
	observation->doing.waiting_bytes = stats->queued_bytes;
	observation->doing.queue_is_full = engine_is_full(engine);
	observation->doing.parked_skus = stats->parked_skus;
	observation->doing.postponed_skus = stats->postponed_skus;
	observation->doing.messages = stats->messages;
	observation->doing.duration = message_statistics_durations(&stats->by_message);
	observation->doing.units = stats->units;
	observation->outputs.published = stats->published;
	observation->outputs.unpublished = stats->unpublished;
	observation->outputs.is_up = stats->broker_takes;
	observation->by_message = &stats->by_message;
	observation->dead_letters.kept = stats->dead_letters;
	observation->dead_letters.dropped = stats->dead_letters_dropped;
}
