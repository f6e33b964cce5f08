/* From the subscription into the engine, and when sources are held. */
#include "bus/intake/admission.h"

#include <assert.h>

static bool has_to_wait(const struct consumer *consumer, const struct intake_valve *valve)
{
	return engine_is_full(consumer->engine) ||
	       (valve->is_durable ? !engine_stats(consumer->engine)->database_up
				  : engine_pauses_pubsub(consumer->engine));
}

static void set_valves(void *context)
{
	struct consumer *consumer = context;

	for (size_t i = 0; i < consumer->count; i++) {
		const struct intake_valve *valve = &consumer->held[i].valve;
		bool close = has_to_wait(consumer, valve);

		if (close == consumer->held[i].is_closed)
			continue;
		consumer->held[i].is_closed = close;
		(close ? valve->pause : valve->resume)(valve->source);
	}
}

void consumer_init(struct consumer *consumer, struct engine *engine)
{
	*consumer = (struct consumer){.engine = engine};
	engine_on_change(engine, set_valves, consumer);
}

void consumer_add(struct consumer *consumer, const struct intake_valve *valve)
{
	assert(consumer->count < VALVES_MAX);
	consumer->held[consumer->count++].valve = *valve;
	set_valves(consumer);
}

void consumer_take(struct consumer *consumer, enum message_type type, const char *channel,
		   struct bytes payload, size_t true_size)
{
	engine_submit(consumer->engine, &(struct arrival){
						.way = WAY_PUBSUB,
						.place = channel,
						.type = type,
						.payload = payload,
						.payload_size = true_size,
					});
	/* At once: a burst holds many, and the engine tells only after it. */
	if (engine_is_full(consumer->engine))
		set_valves(consumer);
}

void consumer_stop(struct consumer *consumer)
{
	engine_on_change(consumer->engine, NULL, NULL);
	consumer->count = 0;
}
