/* Writes the status. */
#include "entrypoints/status/status_json.h"

#include "core/base/calendar.h"
#include "core/base/memory_stream.h"
#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where docs/operating.md explains a trouble. */
#define DOCUMENT "docs/operating.md#"

static json_t *instant(int64_t us)
{
	char text[INSTANT_TEXT_SIZE];

	instant_format(us, text);
	return must(json_string(text));
}

/* NULL stands for an instant or a number that is not known. */
static json_t *instant_or_null(int64_t us)
{
	return us ? instant(us) : json_null();
}

static json_t *count_or_null(int64_t count)
{
	return count < 0 ? json_null() : must(json_integer(count));
}

static json_t *ms_or_null(double ms)
{
	return ms < 0 ? json_null() : must(json_real(ms));
}

static json_t *trouble_json(enum trouble_code code, const struct trouble *trouble)
{
	const struct trouble_kind *kind = &trouble_kinds[code];
	char doc[64];

	snprintf(doc, sizeof doc, DOCUMENT "%s", kind->code);
	return must(json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "code", kind->code, "severity",
			      trouble_severity_name(kind->severity), "text", trouble->text, "since",
			      instant(trouble->since_us), "effect", kind->effect, "advice", trouble->advice,
			      "doc", doc));
}

json_t *status_troubles_json(const struct status *status)
{
	json_t *troubles = must(json_array());

	for (int code = 0; code < TROUBLE_CODES; code++) {
		const struct trouble *trouble = &status->troubles.by_code[code];

		if (trouble->is_open)
			json_array_append_new(troubles, trouble_json((enum trouble_code)code, trouble));
	}
	return troubles;
}

/* The counts of the buckets, and their bounds, above the last of which the last bucket lies. */
static json_t *duration_json(const struct histogram *duration)
{
	json_t *bounds = must(json_array()), *counts = must(json_array());

	for (size_t i = 0; i < histogram_durations.count; i++)
		json_array_append_new(bounds, must(json_real((double)histogram_durations.bounds[i] / 1e3)));
	for (size_t i = 0; i <= histogram_durations.count; i++)
		json_array_append_new(counts, must(json_integer((json_int_t)duration->counts[i])));
	return must(json_pack("{s:o, s:o}", "bounds_ms", bounds, "counts", counts));
}

static json_t *doing_json(const struct status_doing *doing)
{
	return must(json_pack(
		"{s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o}", "waiting",
		(json_int_t)doing->waiting, "waiting_bytes", (json_int_t)doing->waiting_bytes,
		"queue_is_full", doing->queue_is_full, "parked_skus", (json_int_t)doing->parked_skus,
		"postponed_skus", (json_int_t)doing->postponed_skus, "messages", (json_int_t)doing->messages,
		"units", (json_int_t)doing->units, "messages_per_s", doing->messages_per_s, "last_commit",
		instant_or_null(doing->last_commit_us), "duration", duration_json(&doing->duration), "p50_ms",
		ms_or_null(doing->p50_ms), "p99_ms", ms_or_null(doing->p99_ms)));
}

static const char *lease_name(enum input_lease lease)
{
	static const char *const names[] = {
		[INPUT_WITHOUT_LEASE] = "none",
		[INPUT_IS_HERE] = "here",
		[INPUT_IS_ELSEWHERE] = "elsewhere",
		[INPUT_IS_NOWHERE] = "nowhere",
	};

	return names[lease];
}

static json_t *input_json(const struct status_input *input)
{
	json_t *json = must(json_pack("{s:s, s:s, s:b, s:s}", "kind", input->kind, "name", input->name,
				      "is_read", input->is_read, "lease", lease_name(input->lease)));

	if (!strcmp(input->kind, "stream"))
		json_object_update_new(
			json,
			must(json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "read", (json_int_t)input->read,
				       "in_flight", (json_int_t)input->in_flight, "pending",
				       (json_int_t)input->pending, "lost", (json_int_t)input->lost, "lag",
				       count_or_null(input->lag), "pending_since",
				       instant_or_null(input->pending_since_us), "unread_since",
				       instant_or_null(input->unread_since_us))));
	return json;
}

static json_t *inputs_json(const struct status *status)
{
	json_t *inputs = must(json_array());

	for (size_t i = 0; i < status->input_count; i++)
		json_array_append_new(inputs, input_json(&status->inputs[i]));
	return inputs;
}

static json_t *outputs_json(const struct status_outputs *outputs)
{
	return must(json_pack("{s:b, s:I, s:I, s:I, s:I, s:f}", "is_up", outputs->is_up, "published",
			      (json_int_t)outputs->published, "unpublished", (json_int_t)outputs->unpublished,
			      "unheard", (json_int_t)outputs->unheard, "unfenced",
			      (json_int_t)outputs->unfenced, "events_per_s", outputs->events_per_s));
}

json_t *status_dead_letters_json(const struct status_dead_letters *letters)
{
	return must(json_pack("{s:o, s:o, s:I}", "kept", count_or_null(letters->kept), "dropped",
			      count_or_null(letters->dropped), "last_hour", (json_int_t)letters->last_hour));
}

static json_t *replica_json(const struct status *status, const struct status_replica *replica)
{
	json_t *leases = must(json_array());

	for (size_t i = 0; i < status->input_count; i++) {
		if (replica->leases >> i & 1)
			json_array_append_new(leases, must(json_string(status->inputs[i].name)));
	}
	return must(json_pack("{s:s, s:b, s:o}", "name", replica->name, "is_this", replica->is_this, "leases",
			      leases));
}

static json_t *replicas_json(const struct status *status)
{
	json_t *replicas = must(json_array());

	for (size_t i = 0; i < status->replica_count; i++)
		json_array_append_new(replicas, replica_json(status, &status->replicas[i]));
	return replicas;
}

char *status_json(const struct status *status)
{
	json_t *json =
		must(json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "at",
			       instant(status->at_us), "name", status->name, "version", ALLOCD_VERSION,
			       "state", status_state_name(status->state), "since", instant(status->since_us),
			       "troubles", status_troubles_json(status), "doing", doing_json(&status->doing),
			       "inputs", inputs_json(status), "outputs", outputs_json(&status->outputs),
			       "dead_letters", status_dead_letters_json(&status->dead_letters), "replicas",
			       replicas_json(status), "admin_writes", status->admin_writes));
	char *text;

	if (*status->awaited)
		json_object_set_new(json, "awaited", must(json_string(status->awaited)));
	text = must(json_dumps(json, JSON_COMPACT));
	json_decref(json);
	return text;
}

static void write_trouble(FILE *out, enum trouble_code code, const struct trouble *trouble)
{
	const struct trouble_kind *kind = &trouble_kinds[code];
	char since[INSTANT_TEXT_SIZE];

	instant_format(trouble->since_us, since);
	fprintf(out, "[%c]%s (%s) %s, since %s\n   effect: %s\n   next: %s\n",
		kind->severity == TROUBLE_NOTE ? '+' : '-', kind->code, trouble_severity_name(kind->severity),
		trouble->text, since, kind->effect, trouble->advice);
}

char *status_text(const struct status *status)
{
	char since[INSTANT_TEXT_SIZE], *text;
	size_t size;
	FILE *out = memory_stream_open(&text, &size);

	instant_format(status->since_us, since);
	fprintf(out, "allocd " ALLOCD_VERSION " at %s: %s since %s%s%s\n", status->name,
		status_state_name(status->state), since, *status->awaited ? ", " : "", status->awaited);
	for (int code = 0; code < TROUBLE_CODES; code++) {
		if (status->troubles.by_code[code].is_open)
			write_trouble(out, (enum trouble_code)code, &status->troubles.by_code[code]);
	}
	fclose(out);
	return text;
}
