/* `allocd forget`: replaces an order's id by a random token wherever the database has it. */
#include "adapters/postgres/forget/forget.h"
#include "adapters/codec/codec.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

/*
 * An id this short occurs in texts by chance: there it is replaced only if the text is known to be about
 * the order.
 */
#define CHANCE_MAX 3

static struct bytes as_bytes(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static bool is_distinctive(const struct forgotten_order *order)
{
	return utf8_count(order->orderid, strlen(order->orderid)) > CHANCE_MAX;
}

/* ---- how texts are rewritten ---- */

static bool replace_words(const struct forgotten_order *order, const char **text, struct arena *arena)
{
	struct bytes replaced;

	if (!*text || !codec_words_replace(as_bytes(*text), order->orderid, order->token, arena, &replaced))
		return false;
	*text = replaced.data;
	return true;
}

static bool replace_whole(const struct forgotten_order *order, const char **text)
{
	if (!*text || strcmp(*text, order->orderid) != 0)
		return false;
	*text = order->token;
	return true;
}

/* The id of a message may be that of its order, and the reason may quote it as it does in the dead letter. */
static bool forget_in_rejection(void *context, struct envelope *event, struct arena *arena)
{
	const struct forgotten_order *order = context;
	struct command_rejected *rejection = &event->message.as.command_rejected;
	bool names_order = replace_whole(order, &rejection->id);

	names_order = replace_whole(order, &rejection->source) || names_order;
	if (names_order || is_distinctive(order))
		names_order = replace_words(order, &rejection->reason, arena) || names_order;
	return names_order;
}

/* `cause` is the id of a command, which may be that of its order. */
static bool forget_in_event(const struct forgotten_order *order, struct outgoing *event, struct arena *arena)
{
	static const char *const names[] = {"orderid", "cause", NULL};
	struct forgotten_order copy = *order;

	if (event->type == MSG_COMMAND_REJECTED)
		return codec_event_change(event->type, event->payload, forget_in_rejection, &copy, arena,
					  &event->payload);
	return codec_payload_replace(event->payload, names, order->orderid, order->token, arena,
				     &event->payload) > 0;
}

/* An invalid payload may name the order where no schema expects it, or have no structure at all. */
static bool forget_in_payload(const struct forgotten_order *order, struct forgettable_letter *letter,
			      struct arena *arena)
{
	static const char *const names[] = {"orderid", "id", NULL};
	bool is_map = letter->payload.size && *(const unsigned char *)letter->payload.data >= 0x80;

	if (codec_payload_replace(letter->payload, names, order->orderid, order->token, arena,
				  &letter->payload))
		return true;
	return !strcmp(letter->outcome, "invalid") && !is_map && is_distinctive(order) &&
	       codec_words_replace(letter->payload, order->orderid, order->token, arena, &letter->payload);
}

static bool forget_in_letter(const struct forgotten_order *order, struct forgettable_letter *letter,
			     struct arena *arena)
{
	bool names_order = forget_in_payload(order, letter, arena);

	names_order = replace_whole(order, &letter->message_id) || names_order;
	if (names_order || is_distinctive(order))
		names_order = replace_words(order, &letter->reason, arena) || names_order;
	return names_order;
}

/* Edits are FIELD=VALUE, with blanks between them. */
static bool forget_in_edits(const struct forgotten_order *order, const char **edits, struct arena *arena)
{
	static const char field[] = "orderid=";
	size_t length = strlen(order->orderid);

	for (const char *at = *edits; (at = strstr(at, field)); at++) {
		const char *value = at + strlen(field), *after = value + length;
		bool is_first = at == *edits || at[-1] == ' ';

		if (!is_first || strncmp(value, order->orderid, length) != 0)
			continue;
		if (*after && (*after != ' ' || after[1 + strcspn(after + 1, " =")] != '='))
			continue;
		*edits = arena_printf(arena, "%.*s%s%s", (int)(value - *edits), *edits, order->token, after);
		return true;
	}
	return false;
}

static bool forget_in_attempt(const struct forgotten_order *order, struct forgettable_attempt *attempt,
			      struct arena *arena)
{
	bool names_order = forget_in_edits(order, &attempt->edits, arena);

	names_order = replace_whole(order, &attempt->message_id) || names_order;
	if (names_order || is_distinctive(order))
		names_order = replace_words(order, &attempt->reason, arena) || names_order;
	return names_order;
}

/* ---- what is printed ---- */

static const struct {
	const char *where, *advice;
} elsewhere[] = {
	{"Redis streams",
	 "commands and events that are kept there have the id: XTRIM them, or wait until they are "
	 "trimmed; a command that waits there brings the id back"},
	{"events under way", "those that a worker has read but not published yet go out with the id"},
	{"listeners",
	 "services that received events or read GET /allocations and /events keep what they stored"},
	{"mail", "mails that were sent, or are being sent, name the order"},
	{"logs", "of workers, Postgres, Redis, proxies and mail servers: they expire as you have set it"},
	{"backups", "also replicas that lag and WAL archives: run the command again after a restore"},
	{"old versions of rows", "Postgres keeps them in its files until VACUUM has reused their space"},
	{"ids of messages",
	 "those that contain the order's id beside other text are kept for ALLOCD_INBOX_DAYS, "
	 "in dead letters for ALLOCD_DEAD_LETTERS_DAYS; events' `cause` for 7 days"},
	{"ids of CloudEvents", "they are made of SKU and version, and name no order"},
};

#define ELSEWHERE (sizeof elsewhere / sizeof elsewhere[0])

static void print_table(const struct forgetting *forgetting)
{
	printf("%-20s %s\n", "PLACE", forgetting->is_dry_run ? "TO REPLACE" : "REPLACED");
	for (int place = 0; place < FORGET_PLACES; place++)
		printf("%-20s %" PRId64 "\n", forget_place_name((enum forget_place)place),
		       forgetting->replaced[place]);
	printf("\nOut of reach:\n");
	if (forgetting->rows_damaged)
		printf("  outbox: %" PRId64 " rows are damaged and were not read: see allocd verify\n",
		       forgetting->rows_damaged);
	for (size_t i = 0; i < ELSEWHERE; i++)
		printf("  %s: %s\n", elsewhere[i].where, elsewhere[i].advice);
}

static void print_object(const struct forgetting *forgetting)
{
	json_t *places = must(json_object()), *others = must(json_object());

	for (int place = 0; place < FORGET_PLACES; place++)
		json_object_set_new(places, forget_place_name((enum forget_place)place),
				    must(json_integer(forgetting->replaced[place])));
	for (size_t i = 0; i < ELSEWHERE; i++)
		json_object_set_new(others, elsewhere[i].where, must(json_string(elsewhere[i].advice)));
	json_line_print(must(json_pack("{s:b, s:o, s:I, s:o}", "dry_run", forgetting->is_dry_run, "replaced",
				       places, "outbox_rows_damaged", (json_int_t)forgetting->rows_damaged,
				       "out_of_reach", others)),
			stdout);
}

static void show_progress(const struct forgetting *forgetting)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%" PRId64 " rows of the outbox read ", forgetting->rows_read);
}

/* ---- the command ---- */

static void forget(struct tools *tools, struct forgetting *forgetting)
{
	bool done = postgres_forget(tools_client(tools), forgetting);

	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (!done) {
		tools_report_database(tools);
		fprintf(stderr, "allocd: forget: not finished: run it again%s\n",
			tools->status == STATUS_FAILED ? " when that is corrected" : "");
	} else if (invocation_flag(tools->invocation, "json")) {
		print_object(forgetting);
	} else {
		print_table(forgetting);
	}
}

enum exit_status command_forget(const struct invocation *invocation)
{
	static const struct forget_rules rules = {forget_in_event, forget_in_letter, forget_in_attempt};
	const char *orderid = invocation_option(invocation, "order");
	struct forgetting forgetting = {
		.order = {orderid, arena_printf(invocation->arena, "forgotten-%s",
						random_name(system_random(), invocation->arena))},
		.is_dry_run = invocation_flag(invocation, "dry-run"),
		.rules = &rules,
		.progress = show_progress,
	};
	struct tools *tools;
	enum exit_status status;

	if (!utf8_is_valid(orderid, strlen(orderid))) {
		print_error("forget: --order: expected UTF-8");
		return STATUS_USAGE;
	}
	tools = tools_new(invocation);
	if (tools_open_database(tools))
		forget(tools, &forgetting);
	status = tools->status;
	tools_free(&tools);
	return status;
}
