/* Replays the dead letters that match, one after the other. */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_REPLAY_RUN_H
#define ALLOCD_ENTRYPOINTS_REPLAY_REPLAY_RUN_H

#include "entrypoints/dead_letters/dead_letter_call.h"
#include "entrypoints/replay/replay_arrival.h"

struct replay_options {
	struct replay_edits edits;
	const char *who; /* for the history */
	bool is_dry_run, json, stops_at_failure;
	bool counts_only; /* with `json`: objects that count letters, in place of one for each letter */
	int64_t rate;     /* messages a second; 0: without a limit */
	int64_t total;    /* letters that match */
};

/* Prints a report of each letter, and a summary.  Returns the exit status. */
enum exit_status replay_run(struct dead_letter_call *call, const struct replay_options *options);

#endif
