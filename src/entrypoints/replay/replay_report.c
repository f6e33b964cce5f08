/* The report of one replayed dead letter. */
#include "entrypoints/replay/replay_report.h"

#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dead_letters/dead_letter_print.h"

#include <inttypes.h>

static void print_left_out(size_t count, const char *of_what, FILE *out)
{
	if (count)
		fprintf(out, "    and %zu more %s\n", count, of_what);
}

static void print_changes(const struct dry_run_effects *effects, FILE *out, struct arena *arena)
{
	for (size_t i = 0; i < effects->change_count; i++)
		fprintf(out, "    %s\n", utf8_printable(arena, effects->changes[i]));
	print_left_out(effects->changes_left_out, "changes", out);
}

static void print_events(const struct dry_run_effects *effects, FILE *out, struct arena *arena)
{
	for (size_t i = 0; i < effects->event_count; i++)
		fprintf(out, "    %s %s\n", effects->events[i].name,
			utf8_printable(arena, effects->events[i].json));
	print_left_out(effects->events_left_out, "events", out);
}

void replay_report_print(const struct replay_report *report, FILE *out)
{
	const struct dead_letter *letter = report->letter;
	struct arena *arena = arena_new(4096);

	fprintf(out, "%" PRId64 " %s: %s -> %s: %s\n", letter->id, letter->outcome,
		utf8_printable(arena, letter->reason), report->outcome,
		utf8_printable(arena, report->reason));
	if (report->is_dry_run)
		print_changes(report->effects, out, arena);
	print_events(report->effects, out, arena);
	arena_free(&arena);
}

static json_t *changes_to_json(const struct dry_run_effects *effects)
{
	json_t *changes = must(json_array());

	for (size_t i = 0; i < effects->change_count; i++)
		json_array_append_new(changes, must(json_string(effects->changes[i])));
	return changes;
}

static json_t *events_to_json(const struct dry_run_effects *effects)
{
	json_t *events = must(json_array());

	for (size_t i = 0; i < effects->event_count; i++)
		json_array_append_new(
			events, must(json_pack("{s:s, s:o}", "message", effects->events[i].name, "payload",
					       json_loads(effects->events[i].json, 0, NULL))));
	return events;
}

static void add_left_out(json_t *line, const char *name, size_t count)
{
	if (count)
		json_object_set_new(line, name, json_integer((json_int_t)count));
}

void replay_report_print_json(const struct replay_report *report, FILE *out)
{
	const struct dead_letter *letter = report->letter;
	json_t *line = must(json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)letter->id,
				      "old_outcome", letter->outcome, "old_reason", letter->reason, "outcome",
				      report->outcome, "reason", report->reason));

	if (report->is_dry_run) {
		json_object_set_new(line, "changes", changes_to_json(report->effects));
		add_left_out(line, "changes_left_out", report->effects->changes_left_out);
	}
	json_object_set_new(line, "events", events_to_json(report->effects));
	add_left_out(line, "events_left_out", report->effects->events_left_out);
	json_line_print(line, out);
}

void replay_progress_note_failure(struct replay_progress *progress, const struct replay_report *report)
{
	if (!progress->failures)
		progress->failures = must(json_array());
	if (json_array_size(progress->failures) < REPLAY_FAILURES_MAX)
		json_array_append_new(progress->failures,
				      must(json_pack("{s:I, s:s, s:s}", "id", (json_int_t)report->letter->id,
						     "outcome", report->outcome, "reason", report->reason)));
}

void replay_progress_print(const struct replay_progress *progress, FILE *out)
{
	json_t *failures = progress->failures ? json_incref(progress->failures) : must(json_array());
	json_t *line =
		must(json_pack("{s:I, s:I, s:I, s:I, s:o}", "total", (json_int_t)progress->total, "handled",
			       (json_int_t)progress->handled, "skipped", (json_int_t)progress->skipped,
			       "failed", (json_int_t)progress->failed, "failures", failures));

	if (progress->stopped_at)
		json_object_set_new(line, "stopped_at", json_integer((json_int_t)progress->stopped_at));
	json_line_print(line, out);
}
