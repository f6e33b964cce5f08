/* Serves dead letters: groups, pages, one in full; and discards and restores them. */
#include "entrypoints/http_admin/admin_arguments.h"
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"

#include "bus/ports/logger.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/http_reads/read_exchange.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define GROUPS_MAX 1000
#define TOP_GROUPS "--top=1001" /* one more */

/* A command that changes letters may take this long. */
#define CHANGE_MS 30000

static const struct http_refusal late = {503, PROBLEM_LATE,
					 "The database does not answer in time; retry later"};
static const struct http_refusal late_change = {
	503, PROBLEM_LATE, "Perhaps done: the command has not ended yet; look before you repeat it"};

static bool has_failed(const struct child_end *end)
{
	return end->cut != CHILD_ENDED_ITSELF || end->status != STATUS_DONE;
}

/* ---- reads ---- */

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
	return output->lines > max ? output->last_at - 1 : output->size;
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
				    output->last_at - 1 - output->before_last_at, 0, NULL);
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

/* ---- changes ---- */

const char *admin_operator_of(const struct http_call *call, struct arena *arena)
{
	return admin_operator(request_header(call, "X-Operator"), request_address(call), arena);
}

static bool add_operator(struct admin_arguments *arguments, const struct http_call *call)
{
	const char *name = admin_operator_of(call, arguments->arena);

	return name ? admin_arguments_add(arguments, admin_changes, "", "operator", name)
		    : admin_arguments_refuse(arguments, OPERATOR_EXPECTED);
}

bool admin_change_read(struct admin_arguments *arguments, const struct http_call *call, unsigned members)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(call->request);
	size_t size = evbuffer_get_length(body);

	return admin_body_read(arguments, (struct bytes){evbuffer_pullup(body, -1), size}, members) &&
	       add_operator(arguments, call);
}

/* Discards or restores letters. */
struct change {
	const char *verb, *done;
	const char *message; /* of the log */
	unsigned members;
};

/* A change that was asked for, and by whom. */
struct asked {
	const struct change *change;
	const char *who;
};

/* NULL: the command has written no line. */
static json_t *line_of(const struct admin_output *output)
{
	return output->lines == 1 ? json_loadb(output->text, output->size, 0, NULL) : NULL;
}

static void log_change(struct logger *logger, const struct admin_result *result, void *context)
{
	const struct asked *asked = context;
	const struct child_end *end = &result->end;
	json_t *line = line_of(&result->output);
	struct http_refusal refusal = admin_refusal_of(end, true);

	if (!json_object_get(line, "expected"))
		LOG(logger, LOG_INFO, asked->change->message, LOG_TEXT("who", asked->who),
		    LOG_NUMBER("count", json_integer_value(json_object_get(line, asked->change->done))),
		    LOG_TEXT("error", child_ended_regularly(end) ? "" : refusal.message));
	json_decref(line);
}

static void reply_change(const struct http_call *call, const struct admin_result *result, void *context)
{
	const struct admin_output *output = &result->output;
	json_t *line = line_of(output);

	(void)context;
	if (admin_reply_count_changed(call, line)) {
		/* answered */
	} else if (line && child_ended_regularly(&result->end)) {
		reply_text(call, 200, "application/json", output->text, output->size);
	} else {
		admin_reply_failed_change(call, &result->end, line);
	}
	json_decref(line);
}

static void serve_change(struct http_api *api, const struct http_call *call, const struct change *change)
{
	struct exchange *exchange = exchange_new_for(api, call, &late_change, CHANGE_MS + 500);
	struct admin_arguments arguments = {.arena = exchange->arena};
	struct asked *asked = arena_alloc(exchange->arena, sizeof *asked);

	if (!admin_change_read(&arguments, call, change->members)) {
		exchange_refuse(exchange, arguments.error);
		return;
	}
	*asked = (struct asked){change, admin_arguments_value(&arguments, "operator")};
	admin_write(exchange,
		    admin_arguments_words(&arguments, (const char *const[]){"dead-letters", change->verb,
									    ADMIN_COMMON, "--yes", NULL}),
		    CHANGE_MS, reply_change, log_change, asked);
}

void serve_discards(struct http_api *api, const struct http_call *call)
{
	static const struct change discards = {"discard", "discarded", "an operator discarded dead letters",
					       NEEDS_EXPECTED_COUNT | TAKES_NOTE};

	serve_change(api, call, &discards);
}

void serve_restores(struct http_api *api, const struct http_call *call)
{
	static const struct change restores = {"restore", "restored", "an operator restored dead letters",
					       TAKES_EXPECTED_COUNT | TAKES_NOTE};

	serve_change(api, call, &restores);
}
