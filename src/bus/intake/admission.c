/* From the subscription into the engine, and when sources are held. */
#include "bus/intake/admission.h"

#include <assert.h>

static bool has_to_wait(const struct admission *consumer, const struct admission_valve *valve)
{
	return engine_is_full(consumer->engine) ||
	       (valve->is_durable ? !engine_stats(consumer->engine)->database_up
				  : engine_pauses_pubsub(consumer->engine));
}

static void set_valves(void *context)
{
	struct admission *consumer = context;

	for (size_t i = 0; i < consumer->count; i++) {
		const struct admission_valve *valve = &consumer->held[i].valve;
		bool close = has_to_wait(consumer, valve);

		if (close == consumer->held[i].is_closed)
			continue;
		consumer->held[i].is_closed = close;
		(close ? valve->pause : valve->resume)(valve->source);
	}
}

void admission_init(struct admission *consumer, struct engine *engine)
{
	*consumer = (struct admission){.engine = engine};
	engine_on_change(engine, set_valves, consumer);
}

void admission_add(struct admission *consumer, const struct admission_valve *valve)
{
	assert(consumer->count < VALVES_MAX);
	consumer->held[consumer->count++].valve = *valve;
	set_valves(consumer);
}

void admission_submit(struct admission *consumer, enum message_type type, const char *channel,
		      struct bytes payload, size_t true_size)
{
	engine_submit(consumer->engine, &(struct arrival){
						.way = TRANSPORT_PUBSUB,
						.place = channel,
						.type = type,
						.payload = payload,
						.payload_size = true_size,
					});
	/* At once: a burst holds many, and the engine tells only after it. */
	if (engine_is_full(consumer->engine))
		set_valves(consumer);
}

void admission_stop(struct admission *consumer)
{
	engine_on_change(consumer->engine, NULL, NULL);
	consumer->count = 0;
}
