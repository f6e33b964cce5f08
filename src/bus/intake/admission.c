/* Submits messages of the subscription to the engine, and pauses sources while it is full. */
#include "bus/intake/admission.h"

#include <assert.h>

static bool has_to_wait(const struct admission *admission, const struct admission_valve *valve)
{
	return !engine_takes_commands(admission->engine) || engine_is_full(admission->engine) ||
	       (valve->is_durable ? !engine_stats(admission->engine)->database_up
				  : engine_pauses_pubsub(admission->engine));
}

static void set_valves(void *context)
{
	struct admission *admission = context;

	for (size_t i = 0; i < admission->count; i++) {
		const struct admission_valve *valve = &admission->held[i].valve;
		bool close = has_to_wait(admission, valve);

		if (close == admission->held[i].is_closed)
			continue;
		admission->held[i].is_closed = close;
		(close ? valve->pause : valve->resume)(valve->source);
	}
}

void admission_init(struct admission *admission, struct engine *engine)
{
	*admission = (struct admission){.engine = engine};
	engine_on_change(engine, set_valves, admission);
}

void admission_add(struct admission *admission, const struct admission_valve *valve)
{
	assert(admission->count < VALVES_MAX);
	admission->held[admission->count++].valve = *valve;
	set_valves(admission);
}

void admission_submit(struct admission *admission, const struct arrival *arrival)
{
	engine_submit(admission->engine, arrival);
	/* Pause at once: the engine reports that it is full only after the burst that fills it. */
	if (engine_is_full(admission->engine))
		set_valves(admission);
}

void admission_stop(struct admission *admission)
{
	engine_on_change(admission->engine, NULL, NULL);
	admission->count = 0;
}
