/*
 * What the database says about the streams: the list of all workers, or two lists while the range grows, as
 * in "commands[0-7], -> commands[0-15]".
 */
#ifndef ALLOCD_BUS_BASE_STREAM_PLAN_H
#define ALLOCD_BUS_BASE_STREAM_PLAN_H

#include "bus/base/stream_list.h"

enum stream_step {
	STREAMS_SETTLED,  /* there is one list */
	STREAMS_PREPARED, /* "->": workers have either list, and journeys begin under the former one */
	STREAMS_AGREED, /* "=>": workers have the new list, under which journeys begin; publishers go over */
};

struct stream_plan {
	enum stream_step step;
	struct stream_list from, to; /* the former list and the new one; settled: the same */
};

/* The plan refers to the text; false: it is malformed, as one of a newer program may be. */
bool stream_plan_parse(const char *text, struct stream_plan *plan, struct arena *arena);

/* The text of a step of a change between two lists. */
const char *stream_plan_text(enum stream_step step, const char *from, const char *to, struct arena *arena);

/* Whether a worker with that list may start, and take streams. */
bool stream_plan_admits(const struct stream_plan *plan, const char *list);

/* Whether no worker reads the stream yet, because only the new list has it. */
bool stream_plan_is_to_come(const struct stream_plan *plan, const char *name);

#endif
