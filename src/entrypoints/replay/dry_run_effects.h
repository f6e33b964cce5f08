/* Describes the writes of a unit of work: replays print its events, and dry runs its changes as well. */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_DRY_RUN_EFFECTS_H
#define ALLOCD_ENTRYPOINTS_REPLAY_DRY_RUN_EFFECTS_H

#include "bus/unit_of_work/unit_of_work.h"

struct effect_event {
	const char *name;
	const char *json; /* its payload, in one line */
};

/* Maximum number of changes, and of events, that are kept for a letter; further ones are counted. */
#define EFFECTS_MAX 10000

struct dry_run_effects {
	struct arena *arena;  /* holds what follows */
	const char **changes; /* one line each */
	size_t change_count, changes_left_out;
	struct effect_event *events;
	size_t event_count, events_left_out;
	int64_t events_of[MSG_TYPES]; /* the number of each type, including those left out */
};

/* Writes a payload as one line of JSON.  False: *error says why that is not possible. */
typedef bool payload_to_line(struct bytes payload, struct arena *arena, const char **line,
			     const char **error);

/* Adds the writes of the closed unit. */
void dry_run_effects_note(struct dry_run_effects *effects, const struct unit_of_work *uow,
			  payload_to_line *to_line);

#endif
