/*
 * Admits messages from Redis: a subscription's messages are submitted to the engine, and every source of
 * messages is paused while the engine has no room for more, or takes no commands.
 */
#ifndef ALLOCD_BUS_INTAKE_ADMISSION_H
#define ALLOCD_BUS_INTAKE_ADMISSION_H

#include "bus/base/stream_list.h"
#include "bus/engine/engine.h"

/* Pub/sub and the streams. */
#define VALVES_MAX (1 + STREAMS_MAX)

/* How to pause and resume a source; called in turns, pause first. */
struct admission_valve {
	void (*pause)(void *source);
	void (*resume)(void *source);
	void *source;
	/* The source keeps unread messages, so it is also paused while the database is down. */
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

void admission_init(struct admission *admission, struct engine *engine);

/* Registers a source, which is paused and resumed from now on as the engine needs. */
void admission_add(struct admission *admission, const struct admission_valve *valve);

/* Submits a message, even in spite of a pause.  The sources may be paused before it returns. */
void admission_submit(struct admission *admission, const struct arrival *arrival);

/* The sources are about to be freed: they are no longer paused or resumed. */
void admission_stop(struct admission *admission);

#endif
