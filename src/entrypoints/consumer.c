/* From the subscription into the engine. */
#include "entrypoints/consumer.h"

static void on_room(void *context)
{
	struct consumer *consumer = context;

	if (!consumer->paused)
		return;
	consumer->paused = false;
	consumer->valve.resume(consumer->valve.source);
}

void consumer_init(struct consumer *consumer, struct engine *engine, struct intake_valve valve)
{
	*consumer = (struct consumer){.engine = engine, .valve = valve};
	engine_on_room(engine, on_room, consumer);
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
	if (consumer->paused || engine_has_room(consumer->engine))
		return;
	consumer->paused = true;
	consumer->valve.pause(consumer->valve.source);
}

void consumer_stop(struct consumer *consumer)
{
	engine_on_room(consumer->engine, NULL, NULL);
}
