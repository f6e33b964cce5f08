/* Serves dead letters: groups, pages, one in full, and those of a filter as commands. */
#include "entrypoints/http_admin/admin_arguments.h"
#include "entrypoints/http_admin/admin_tasks.h"

#include "entrypoints/cli/text.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define GROUPS_MAX 1000
#define TOP_GROUPS "--top=1001" /* one more */

static const struct http_refusal late = {503, PROBLEM_LATE,
					 "The database does not answer in time; retry later"};
static bool has_failed(const struct child_end *end)
{
	return end->cut != CHILD_ENDED_ITSELF || end->status != STATUS_DONE;
}

static const struct http_refusal sku_withheld = {
	403, PROBLEM_NOT_OPEN, "sku: what senders sent is withheld, because " PAYLOADS_WITHHELD};

/* False: refuses the query and frees the exchange.  A filter by SKU would show what senders sent. */
static bool read_query(struct exchange *exchange, struct admin_arguments *arguments, bool has_pages)
{
	if (!admin_query_read(arguments, request_query(&exchange->call), has_pages)) {
		exchange_refuse(exchange, arguments->error);
		return false;
	}
	if (!admin_arguments_value(arguments, "sku") || http_shows_payloads(exchange->api, &exchange->call))
		return true;
	reply_refusal(exchange_detach(exchange), &sku_withheld);
	exchange_free(exchange);
	return false;
}

/* Without its last line, which is only there to know that there are more, if there are more than `max`. */
static size_t size_of(const struct admin_output *output, size_t max)
{
	return output->lines > max ? output->last_at - ADMIN_SEPARATOR_SIZE : output->size;
}

static void reply_groups(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	struct arena *arena = arena_new(4096);

	(void)context;
	if (has_failed(&result->end))
		admin_reply_failure(call, &result->end);
	else
		reply_json_text(call, arena_printf(arena, "{\"groups\":[%.*s],\"has_more\":%s}",
						   (int)size_of(output, GROUPS_MAX),
						   output->text ? output->text : "",
						   output->lines > GROUPS_MAX ? "true" : "false"));
	arena_free(&arena);
}

void serve_letter_groups(struct http_api *api, const struct http_call *call)
{
	struct exchange *exchange = exchange_new(api, call, &late);
	struct admin_arguments arguments = {.arena = exchange->arena};

	if (read_query(exchange, &arguments, false))
		admin_read(exchange,
			   admin_arguments_words(&arguments,
						 (const char *const[]){"dead-letters", "list", ADMIN_COMMON,
								       "--group", TOP_GROUPS, NULL}),
			   reply_groups, NULL);
}

/* A page of letters: how many it has, and its query without the cursor. */
struct page {
	size_t max;
	const char *query;
};

static struct page *page_of(const struct admin_arguments *arguments)
{
	struct page *page = arena_alloc(arguments->arena, sizeof *page);
	int64_t limit = 1;

	text_to_number(admin_arguments_value(arguments, "limit"), &limit);
	*page = (struct page){(size_t)limit - 1, arena_printf(arguments->arena, "limit=%d", (int)limit - 1)};
	for (size_t i = 0; i < arguments->option_count; i++) {
		const struct given_option *given = &arguments->options[i];

		if (strcmp(given->option->name, "limit") != 0 && strcmp(given->option->name, "after") != 0)
			page->query =
				arena_printf(arguments->arena, "%s&%s=%s", page->query, given->option->name,
					     name_encode(given->text, arguments->arena));
	}
	return page;
}

/* The page behind this one: of what follows the last letter but one, for the last one is not of the page. */
static const char *next_page(const struct admin_output *output, const struct page *page, struct arena *arena)
{
	json_t *letter = json_loadb(output->text + output->before_last_at,
				    output->last_at - ADMIN_SEPARATOR_SIZE - output->before_last_at, 0, NULL);
	int64_t id = json_integer_value(json_object_get(letter, "id"));

	json_decref(letter);
	return arena_printf(arena, "/admin/dead-letters?%s&cursor=%" PRId64, page->query, id);
}

static void reply_letters(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	const struct page *page = context;
	struct arena *arena = arena_new(4096);
	const char *next = "null";

	if (has_failed(&result->end)) {
		admin_reply_failure(call, &result->end);
	} else {
		if (output->lines > page->max) {
			next = next_page(output, page, arena);
			reply_header(call, "Link", arena_printf(arena, "<%s>; rel=\"next\"", next));
			next = arena_printf(arena, "\"%s\"", next);
		}
		reply_json_text(call, arena_printf(arena, "{\"dead_letters\":[%.*s],\"next\":%s}",
						   (int)size_of(output, page->max),
						   output->text ? output->text : "", next));
	}
	arena_free(&arena);
}

void serve_letters(struct http_api *api, const struct http_call *call)
{
	struct exchange *exchange = exchange_new(api, call, &late);
	struct admin_arguments arguments = {.arena = exchange->arena};

	if (read_query(exchange, &arguments, true))
		admin_read(exchange,
			   admin_arguments_words(&arguments,
						 (const char *const[]){"dead-letters", "list", ADMIN_COMMON,
								       "--without-payload", NULL}),
			   reply_letters, page_of(&arguments));
}

#define WITHHELD "\"payload_withheld\":\"" PAYLOADS_WITHHELD "\""

/* `context`: the payload is withheld, or NULL. */
static void reply_letter(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	struct arena *arena = arena_new(4096);

	if (result->end.cut == CHILD_ENDED_ITSELF && result->end.status == STATUS_FAILED && !output->lines)
		reply_not_found(call, result->end.error);
	else if (has_failed(&result->end) || !output->lines)
		admin_reply_failure(call, &result->end);
	else if (context)
		reply_json_text(
			call, arena_printf(arena, "%.*s," WITHHELD "}", (int)output->size - 1, output->text));
	else
		reply_text(call, 200, "application/json", output->text, output->size);
	arena_free(&arena);
}

void serve_letter(struct http_api *api, const struct http_call *call, const char *id)
{
	static bool withheld = true;
	struct exchange *exchange = exchange_new(api, call, &late);
	struct admin_arguments arguments = {.arena = exchange->arena};
	bool shows_payload = http_shows_payloads(api, call);
	int64_t number;

	if (!text_to_number(id, &number) || number <= 0)
		exchange_refuse(exchange, "Expected the id of a dead letter, a number, in the path");
	else if (read_query(exchange, &arguments, false) && admin_arguments_add_id(&arguments, number))
		admin_read(exchange,
			   admin_arguments_words(
				   &arguments,
				   (const char *const[]){"dead-letters", "show", ADMIN_COMMON,
							 shows_payload ? NULL : "--without-payload", NULL}),
			   reply_letter, shows_payload ? NULL : &withheld);
}

/* ---- all of a filter, as commands ---- */

static const struct http_refusal export_withheld = {
	403, PROBLEM_NOT_OPEN, "An export has what senders sent, and " PAYLOADS_WITHHELD};

/* The output with one line of JSON each. */
static const char *lines_of(const struct admin_output *output, struct arena *arena)
{
	char *text = arena_alloc(arena, output->size + 2), *to = text;
	const char *from = output->text, *end = from + output->size;

	while (from < end) {
		bool is_separator = (size_t)(end - from) >= ADMIN_SEPARATOR_SIZE &&
				    !memcmp(from, ADMIN_SEPARATOR, ADMIN_SEPARATOR_SIZE);

		*to++ = is_separator ? '\n' : *from;
		from += is_separator ? ADMIN_SEPARATOR_SIZE : 1;
	}
	if (output->size)
		*to++ = '\n';
	*to = '\0';
	return text;
}

/* Some letters may be left out, which the command says at its end. */
static void reply_export(const struct http_call *call, const struct admin_result *result, void *context)
{
	struct arena *arena = arena_new(4096);
	const char *text;

	(void)context;
	if (!child_ended_regularly(&result->end)) {
		admin_reply_failure(call, &result->end);
	} else {
		text = lines_of(&result->output, arena);
		if (result->end.status != STATUS_DONE)
			reply_header(call, "Allocd-Left-Out", name_encode(result->end.error, arena));
		reply_header(call, "Content-Disposition", "attachment; filename=\"dead-letters.ndjson\"");
		reply_text(call, 200, "application/x-ndjson", text, strlen(text));
	}
	arena_free(&arena);
}

void serve_letter_export(struct http_api *api, const struct http_call *call)
{
	struct exchange *exchange;
	struct admin_arguments arguments;

	if (!http_shows_payloads(api, call)) {
		reply_refusal(call, &export_withheld);
		return;
	}
	exchange = exchange_new(api, call, &late);
	arguments = (struct admin_arguments){.arena = exchange->arena};
	if (read_query(exchange, &arguments, false))
		admin_read(exchange,
			   admin_arguments_words(&arguments, (const char *const[]){"dead-letters", "export",
										   ADMIN_QUIET, NULL}),
			   reply_export, NULL);
}
