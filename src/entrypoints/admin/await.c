/* `allocd await`: waits for the outcome of a message, and prints it with the events it caused. */
#include "entrypoints/admin/await.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/tools/outcome.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/calendar.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool is_success(const struct known_outcome *outcome)
{
	return strcmp(outcome->outcome, "handled") == 0 || strcmp(outcome->outcome, "skipped") == 0;
}

/* ---- the events that the message caused ---- */

/* `json`: the payload as one line. */
typedef void event_found(void *context, const char *name, const char *json);

struct event_search {
	struct codec *codec;
	const char *cause; /* the message's id */
	event_found *found;
	void *context;
};

/* Reports the event if the message caused it; otherwise returns false. */
static bool report_event(const struct event_search *search, struct arena *arena, const struct outgoing *event)
{
	struct codec *codec = search->codec;
	struct envelope envelope;
	const char *error, *json, *cause;

	if (event->type == MSG_NONE ||
	    !codec->ops->decode(codec, event->type, event->payload, arena, &envelope, &error))
		return false;
	cause = message_text(&envelope.message, "cause");
	if (!cause || strcmp(cause, search->cause) != 0 ||
	    !codec_payload_to_line(event->payload, arena, &json, &error))
		return false;
	search->found(search->context, message_name(event->type), json);
	return true;
}

/* Skips a frame that cannot be decoded; `allocd verify` reports it. */
static bool on_frame(void *context, struct bytes frame)
{
	struct arena *arena = arena_new(65536);
	struct outgoing *events = NULL;
	bool holds_some = false;
	size_t count = 0;

	if (!outbox_frame_decode(arena, frame, &events, &count))
		count = 0;
	for (size_t i = 0; i < count; i++)
		holds_some |= report_event(context, arena, &events[i]);
	arena_free(&arena);
	return holds_some;
}

/* Finds the events, if still kept, of a message that was handled or skipped. */
static bool find_events(struct tools *tools, const struct known_outcome *outcome, event_found *found,
			void *context)
{
	struct event_search search = {tools->codec, outcome->id, found, context};

	return postgres_read_effects(tools_client(tools), outcome, on_frame, &search) ||
	       tools_report_database(tools);
}

/* ---- one line for the outcome, and one for each event ---- */

static void print_event(void *context, const char *name, const char *json)
{
	struct arena *arena = arena_new(1024);

	(void)context;
	printf("%s %s\n", name, utf8_printable(arena, json));
	arena_free(&arena);
}

static bool print_outcome(struct tools *tools, const char *id, const struct known_outcome *outcome)
{
	struct arena *arena = arena_new(1024);

	printf("%s %s %s", outcome->outcome, utf8_printable(arena, outcome->message),
	       utf8_printable(arena, id));
	if (outcome->source[0])
		printf(" from %s", utf8_printable(arena, outcome->source));
	if (outcome->reason[0])
		printf(": %s", utf8_printable(arena, outcome->reason));
	putchar('\n');
	arena_free(&arena);
	return !is_success(outcome) || find_events(tools, outcome, print_event, NULL);
}

static bool print_outcomes(struct tools *tools, const char *id, const struct known_outcome *outcomes,
			   size_t count)
{
	bool done = true;

	for (size_t i = 0; i < count && done; i++)
		done = print_outcome(tools, id, &outcomes[i]);
	return done;
}

/* ---- one object for all of it ---- */

static void add_event(void *context, const char *name, const char *json)
{
	json_t *events = context, *payload = must(json_loads(json, JSON_DECODE_ANY, NULL));

	json_array_append_new(events, must(json_pack("{s:s, s:o}", "name", name, "payload", payload)));
}

static json_t *outcome_object(struct tools *tools, const struct known_outcome *outcome)
{
	json_t *events = must(json_array());
	char at[INSTANT_TEXT_SIZE];

	instant_format(outcome->at, at);
	if (is_success(outcome) && !find_events(tools, outcome, add_event, events)) {
		json_decref(events);
		return NULL;
	}
	return must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "message", outcome->message, "source",
			      outcome->source, "outcome", outcome->outcome, "reason", outcome->reason, "at",
			      at, "events", events));
}

static bool print_object(struct tools *tools, const char *id, const struct known_outcome *outcomes,
			 size_t count)
{
	json_t *list = must(json_array()), *object, *outcome;
	bool done = true;

	for (size_t i = 0; i < count && done; i++) {
		outcome = outcome_object(tools, &outcomes[i]);
		done = outcome && json_array_append_new(list, outcome) == 0;
	}
	object = must(json_pack("{s:s, s:o}", "id", id, "outcomes", list));
	if (done)
		json_line_print(object, stdout);
	else
		json_decref(object);
	return done;
}

/* ---- waiting ---- */

/* Polls until an outcome is known; *count is 0 after the deadline.  False: the database failed. */
static bool wait_for_outcome(struct tools *tools, const char *id, struct poll_deadline *deadline,
			     struct known_outcome **outcomes, size_t *count)
{
	struct arena *arena = tools->invocation->arena;

	*count = 0;
	while (postgres_find_outcomes(tools_client(tools), id, arena, outcomes, count)) {
		if (*count > 0 || poll_deadline_left_ms(deadline) == 0)
			return true;
		poll_deadline_pause(deadline);
	}
	return tools_report_database(tools);
}

static enum exit_status conclude(struct tools *tools, const char *id, const struct known_outcome *outcomes,
				 size_t count)
{
	bool printed, succeeded = true;

	if (count == 0) {
		print_error("%sno outcome yet of %s", command_prefix(tools->invocation), id);
		return STATUS_TRY_AGAIN;
	}
	printed = invocation_flag(tools->invocation, "json") ? print_object(tools, id, outcomes, count)
							     : print_outcomes(tools, id, outcomes, count);
	for (size_t i = 0; i < count; i++)
		succeeded &= is_success(&outcomes[i]);
	if (!printed)
		return tools->status;
	return succeeded ? STATUS_DONE : STATUS_FAILED;
}

enum exit_status await_outcome(struct tools *tools, const char *id, struct poll_deadline *deadline)
{
	struct known_outcome *outcomes;
	size_t count;

	return wait_for_outcome(tools, id, deadline, &outcomes, &count) ? conclude(tools, id, outcomes, count)
									: tools->status;
}

enum exit_status command_await(const struct invocation *invocation)
{
	const char *id = invocation_option(invocation, "id");
	struct poll_deadline deadline =
		poll_deadline_in(invocation_ms(invocation, "timeout", AWAIT_TIMEOUT_MS));
	struct tools *tools;

	if (!id == !invocation->argument_count)
		return invocation_refuse(invocation, "expected one ID");
	tools = tools_new(invocation);
	if (tools_open_database(tools))
		tools->status = await_outcome(tools, id ? id : invocation->arguments[0], &deadline);
	return tools_free(&tools);
}
