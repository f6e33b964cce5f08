/* The report of one replayed dead letter: one line, and the events that it caused. */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_REPLAY_REPORT_H
#define ALLOCD_ENTRYPOINTS_REPLAY_REPLAY_REPORT_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/replay/dry_run_effects.h"

#include <stdio.h>

struct replay_report {
	const struct dead_letter *letter; /* as it was */
	const char *outcome, *reason;     /* of the replay */
	const struct dry_run_effects *effects;
	bool is_dry_run; /* its changes are printed, too */
};

void replay_report_print(const struct replay_report *report, FILE *out);

/* The same as one JSON object in one line. */
void replay_report_print_json(const struct replay_report *report, FILE *out);

#define REPLAY_FAILURES_MAX 20

/* How far a replay is. */
struct replay_progress {
	int64_t total, handled, skipped, failed;
	int64_t stopped_at;      /* the letter at whose failure the replay stopped; 0: it did not */
	struct json_t *failures; /* the first letters that failed again, or NULL */
};

/* Adds a letter that failed again, if there is room. */
void replay_progress_note_failure(struct replay_progress *progress, const struct replay_report *report);

/* One JSON object in one line. */
void replay_progress_print(const struct replay_progress *progress, FILE *out);

#endif
