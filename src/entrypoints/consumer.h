/*
 * The way in from Redis: what a subscription hears goes to the engine, and when the engine is full the
 * subscription pauses.
 */
#ifndef ALLOCD_ENTRYPOINTS_CONSUMER_H
#define ALLOCD_ENTRYPOINTS_CONSUMER_H

#include "bus/engine.h"

/* How to hold whoever delivers, and let go again; called in turns, pause first. */
struct intake_valve {
	void (*pause)(void *source);
	void (*resume)(void *source);
	void *source;
};

struct consumer {
	struct engine *engine;
	struct intake_valve valve;
	bool paused;
};

void consumer_init(struct consumer *consumer, struct engine *engine, struct intake_valve valve);

/*
 * Takes a message from `channel`, on which commands of that type come: the first PAYLOAD_MAX bytes of it, and
 * its true size.  What comes after a pause all the same is taken, too.
 */
void consumer_take(struct consumer *consumer, enum message_type type, const char *channel,
		   struct bytes payload, size_t true_size);

/* The source is about to go: it is neither paused nor resumed any more. */
void consumer_stop(struct consumer *consumer);

#endif
