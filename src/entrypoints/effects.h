/* What a unit of work would write, in words: for who wants to see it before it happens. */
#ifndef ALLOCD_ENTRYPOINTS_EFFECTS_H
#define ALLOCD_ENTRYPOINTS_EFFECTS_H

#include "bus/unit_of_work.h"

struct effect_event {
	const char *name;
	const char *json; /* its payload, in one line */
};

struct effects {
	struct arena *arena;  /* holds what follows */
	const char **changes; /* one line each */
	size_t change_count;
	struct effect_event *events;
	size_t event_count;
};

/* Writes a payload as one line of JSON, or says in *error why it cannot. */
typedef bool payload_to_line(struct bytes payload, struct arena *arena, const char **line,
			     const char **error);

/* Adds what the closed unit would write. */
void effects_note(struct effects *effects, const struct unit_of_work *uow, payload_to_line *to_line);

#endif
