/* `allocd verify`: checks every rule of the database, and prints what is broken. */
#include "adapters/postgres/tools/verify.h"

#include "bus/ports/codec.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define UNREADABLE "an event that cannot be read: %s"

struct admin_verification {
	struct codec *codec;
	struct arena *arena; /* holds the defect of one frame */
	int64_t breaches;
	json_t *broken; /* a list, for --json */

	json_t *line_events; /* see verify.h */
	char *line_text;
};

/* ---- one line for each breach ---- */

static void print_breach(void *context, const struct breach *breach)
{
	struct admin_verification *verification = context;
	struct arena *arena = arena_new(1024);

	verification->breaches++;
	printf("%s: %s: expected %s, found %s (%s)\n", breach->rule, utf8_printable(arena, breach->key),
	       utf8_printable(arena, breach->expected), utf8_printable(arena, breach->found),
	       breach->meaning);
	arena_free(&arena);
}

static void print_more(void *context, const char *rule, int64_t count)
{
	struct admin_verification *verification = context;

	verification->breaches += count;
	printf("%s: and %" PRId64 " more\n", rule, count);
}

/* ---- one object for all of them ---- */

static void add_breach(void *context, const struct breach *breach)
{
	struct admin_verification *verification = context;

	verification->breaches++;
	json_array_append_new(
		verification->broken,
		must(json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", breach->rule, "meaning", breach->meaning,
			       "key", breach->key, "expected", breach->expected, "found", breach->found)));
}

static void add_more(void *context, const char *rule, int64_t count)
{
	struct admin_verification *verification = context;

	verification->breaches += count;
	json_array_append_new(verification->broken,
			      must(json_pack("{s:s, s:I}", "rule", rule, "more", (json_int_t)count)));
}

static void print_object(const struct admin_verification *verification)
{
	json_t *object = must(json_pack("{s:I, s:I, s:O}", "rules", (json_int_t)verify_rule_count, "breaches",
					(json_int_t)verification->breaches, "broken", verification->broken));

	json_line_print(object, stdout);
}

/* ---- frames of events, which only a codec can check ---- */

/* Notes where the event says that its line is; the codec has read it. */
static void note_line(const struct admin_verification *verification, const struct message *event,
		      int64_t product)
{
	const char *batchref = event->type == MSG_LINE_ALLOCATED ? message_text(event, "batchref") : NULL;

	json_array_append_new(
		verification->line_events,
		must(json_pack("{s:I, s:s, s:I, s:I, s:s?}", "product", (json_int_t)product, "orderid",
			       message_text(event, "orderid"), "qty",
			       (json_int_t)message_number(event, "qty"), "version",
			       (json_int_t)message_number(event, "version"), "batchref", batchref)));
}

/* Why the event cannot be in a row without parts; NULL when it can. */
static const char *apart_defect(const struct admin_verification *verification, const struct outgoing *event)
{
	struct codec *codec = verification->codec;
	struct envelope envelope;
	const char *error;

	if (event->type == MSG_NONE)
		return NULL; /* a newer program wrote it */
	if (message_descriptor(event->type)->key != KEY_MESSAGE)
		return "an event of a product";
	if (!codec->ops->decode(codec, event->type, event->payload, verification->arena, &envelope, &error))
		return arena_printf(verification->arena, UNREADABLE, error);
	return NULL;
}

/* Why the event cannot be the one of that version in the frame; NULL when it can. */
static const char *event_defect(const struct admin_verification *verification, const struct outgoing *event,
				const struct kept_frame *kept, int64_t version)
{
	struct codec *codec = verification->codec;
	struct envelope envelope;
	const char *error, *sku;
	int64_t epoch;

	if (event->type == MSG_NONE)
		return NULL; /* a newer program wrote it */
	if (!codec->ops->decode(codec, event->type, event->payload, verification->arena, &envelope, &error))
		return arena_printf(verification->arena, UNREADABLE, error);
	sku = message_text(&envelope.message, "sku");
	if (!sku || strcmp(sku, kept->sku) != 0)
		return "an event of another product";
	epoch = message_number(&envelope.message, "epoch");
	if ((epoch ? epoch : 1) != kept->epoch)
		return arena_printf(verification->arena, "epoch %" PRId64 " in place of %" PRId64, epoch,
				    kept->epoch);
	if (message_number(&envelope.message, "version") != version)
		return arena_printf(verification->arena, "version %" PRId64 " in place of %" PRId64,
				    message_number(&envelope.message, "version"), version);
	note_line(verification, &envelope.message, kept->product);
	return NULL;
}

static const char *line_events(void *context)
{
	struct admin_verification *verification = context;

	if (json_array_size(verification->line_events) == 0)
		return NULL;
	free(verification->line_text);
	verification->line_text = must(json_dumps(verification->line_events, JSON_COMPACT));
	json_array_clear(verification->line_events);
	return verification->line_text;
}

static const char *frame_defect(void *context, const struct kept_frame *kept)
{
	const struct admin_verification *verification = context;
	struct outgoing *events = NULL;
	const char *defect = NULL;
	size_t count = 0;

	arena_clear(verification->arena);
	if (!outbox_frame_decode(verification->arena, kept->frame, &events, &count))
		return "bytes that are not a frame";
	if (!kept->sku[0]) {
		for (size_t i = 0; i < count && !defect; i++)
			defect = apart_defect(verification, &events[i]);
		return count ? defect : "no event";
	}
	if ((int64_t)count != kept->last_version - kept->first_version + 1)
		return arena_printf(verification->arena, "%zu events", count);
	for (size_t i = 0; i < count && !defect; i++)
		defect = event_defect(verification, &events[i], kept, kept->first_version + (int64_t)i);
	return defect;
}

/* ---- the command ---- */

static enum exit_status conclude(const struct admin_verification *verification, bool as_json)
{
	if (as_json)
		print_object(verification);
	if (verification->breaches == 0)
		fprintf(stderr, "all %zu rules hold\n", verify_rule_count);
	return verification->breaches == 0 ? STATUS_DONE : STATUS_FAILED;
}

enum exit_status command_verify(const struct invocation *invocation)
{
	static const struct verifier lines = {print_breach, print_more, frame_defect, line_events},
				     objects = {add_breach, add_more, frame_defect, line_events};
	bool as_json = invocation_flag(invocation, "json");
	struct tools *tools = tools_new(invocation);
	struct admin_verification verification = {
		.codec = tools->codec,
		.arena = arena_new(65536),
		.broken = must(json_array()),
		.line_events = must(json_array()),
	};

	if (tools_open_database(tools) &&
	    (postgres_verify(tools_client(tools), as_json ? &objects : &lines, &verification) ||
	     tools_report_database(tools)))
		tools->status = conclude(&verification, as_json);
	json_decref(verification.broken);
	json_decref(verification.line_events);
	free(verification.line_text);
	arena_free(&verification.arena);
	return tools_free(&tools);
}
