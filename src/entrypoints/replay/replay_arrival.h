/* Builds the arrival of a replayed dead letter: as it first arrived, with the operator's edits applied. */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_REPLAY_ARRIVAL_H
#define ALLOCD_ENTRYPOINTS_REPLAY_REPLAY_ARRIVAL_H

#include "bus/engine/engine.h"
#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/dead_letters/dead_letter_call.h"

/* The values of the options --edit, in their order. */
struct replay_edits {
	const char **texts;
	size_t count;
	const char *joined; /* all in one text, for the history */
};

void replay_edits_read(struct replay_edits *edits, const struct invocation *invocation);

/*
 * Checks that every kind of message that matches has the edited fields.  A result other than STATUS_DONE was
 * reported.
 */
enum exit_status replay_edits_check(const struct replay_edits *edits, const struct dead_letter_call *call,
				    const struct dead_letter_census *census);

/* The letter's payload with the edits applied, in `arena`.  False: *error says why it cannot be edited. */
bool replay_edits_apply(const struct replay_edits *edits, const struct dead_letter *letter,
			struct arena *arena, struct bytes *payload, const char **error);

/* Points into the letter and the payload.  The caller sets `replay`, `answered` and `context`. */
struct arrival replay_arrival(const struct dead_letter *letter, const struct replay_edits *edits,
			      struct bytes payload);

#endif
