/*
 * The way in from Redis: what a subscription hears goes to the engine, and every source of messages is held
 * while the engine has no use for more.
 */
#ifndef ALLOCD_BUS_INTAKE_ADMISSION_H
#define ALLOCD_BUS_INTAKE_ADMISSION_H

#include "bus/engine/engine.h"

/* Pub/sub and the streams. */
#define VALVES_MAX (1 + 16)

/* How to hold a source, and let it go again; called in turns, pause first. */
struct admission_valve {
	void (*pause)(void *source);
	void (*resume)(void *source);
	void *source;
	/* It keeps what is not read: so it is held while the database is away, too. */
	bool is_durable;
};

struct admission {
	struct engine *engine;
	struct {
		struct admission_valve valve;
		bool is_closed;
	} held[VALVES_MAX];
	size_t count;
};

void admission_init(struct admission *consumer, struct engine *engine);

/* Holds that source from now on as the engine needs. */
void admission_add(struct admission *consumer, const struct admission_valve *valve);

/*
 * Takes a message from `channel`, on which commands of that type come: the first PAYLOAD_MAX bytes of it, and
 * its true size.  What comes after a pause all the same is taken, too.
 */
void admission_submit(struct admission *consumer, enum message_type type, const char *channel,
		      struct bytes payload, size_t true_size);

/* The sources are about to go: they are neither paused nor resumed any more. */
void admission_stop(struct admission *consumer);

#endif
