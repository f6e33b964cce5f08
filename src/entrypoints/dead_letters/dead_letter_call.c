/* The parts that all commands about dead letters share. */
#include "entrypoints/dead_letters/dead_letter_call.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/ports/dead_letter_archive.h"
#include "core/base/must.h"
#include "entrypoints/cli/audit_user.h"
#include "entrypoints/cli/confirm.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/dead_letters/dead_letter_filter.h"
#include "entrypoints/dead_letters/dead_letter_print.h"
#include "entrypoints/main/server_urls.h"
#include "entrypoints/main/wait_for_schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* The longest wait for one answer of the database. */
#define ANSWER_MS 30000

/* The rows of a page: without payloads, and with payloads of up to 64 KiB. */
#define ROWS_LIGHT 500
#define ROWS_HEAVY 50

/* Characters. */
#define OPERATOR_NAME_MAX 200

enum exit_status dead_letter_call_report(const struct dead_letter_call *call, enum exit_status status,
					 const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	text = must_vprintf(format, args);
	va_end(args);
	print_error("%s: %s", call->invocation->command->name, text);
	free(text);
	return status;
}

enum exit_status dead_letter_call_report_failure(const struct dead_letter_call *call,
						 const struct failure *failure)
{
	if (failure->kind == FAILURE_RETRY)
		return dead_letter_call_report(call, STATUS_TRY_AGAIN, "the database went away: %s",
					       failure->text);
	return dead_letter_call_report(call, STATUS_REFUSED, "the database refused: %s", failure->text);
}

static const char *noun(const struct dead_letter_call *call)
{
	return call->filter.is_discarded ? "discarded dead letter" : "dead letter";
}

/* ---- ids that name no dead letter ---- */

static enum exit_status report_missing(const struct dead_letter_call *call, int64_t id)
{
	struct arena *arena = call->invocation->arena;
	struct dead_letter_history_entry *history;
	size_t count;
	const struct failure *failure =
		call->letters->ops->history(call->letters, id, arena, &history, &count);

	if (failure)
		return dead_letter_call_report_failure(call, failure);
	if (call->filter.is_discarded || !count)
		return dead_letter_call_report(call, STATUS_DONE, "there is no %s %" PRId64, noun(call), id);
	fprintf(stderr,
		"allocd: %s: there is no dead letter %" PRId64 " any more: ", call->invocation->command->name,
		id);
	history_entry_print(&history[count - 1], stderr);
	return STATUS_DONE;
}

static enum exit_status check_ids(struct dead_letter_call *call)
{
	const struct dead_letter_filter *filter = &call->filter;
	enum exit_status status = STATUS_DONE;
	int64_t *missing;
	size_t count;
	const struct failure *failure;

	if (!filter->id_count)
		return STATUS_DONE;
	failure =
		call->letters->ops->missing(call->letters, filter, call->invocation->arena, &missing, &count);
	if (failure)
		return dead_letter_call_report_failure(call, failure);
	call->is_missing_some = count > 0;
	for (size_t i = 0; i < count && status == STATUS_DONE; i++)
		status = report_missing(call, missing[i]);
	return status;
}

/* ---- opening and closing ---- */

static bool read_operator(struct dead_letter_call *call)
{
	const char *name = invocation_option(call->invocation, "operator");
	size_t count;

	call->who = name ? name : audit_user_name(call->invocation->arena);
	return !name || (text_is_printable(name) && text_count(name, strlen(name), &count) &&
			 count <= OPERATOR_NAME_MAX);
}

static enum exit_status open_call(struct dead_letter_call *call, bool is_discarded)
{
	const struct invocation *invocation = call->invocation;
	struct url_source url = database_url(&invocation->config);
	enum exit_status status;
	const char *error;

	if (!dead_letter_filter_read(invocation, &call->filter, &error))
		return dead_letter_call_report(call, STATUS_USAGE, "%s", error);
	call->filter.is_discarded = is_discarded;
	call->sku = invocation_option(invocation, "sku");
	call->after = invocation_number(invocation, "after", 0);
	if (!read_operator(call))
		return dead_letter_call_report(call, STATUS_USAGE,
					       "expected up to %d printable characters after --operator",
					       OPERATOR_NAME_MAX);
	status = schema_prepare(&invocation->config, false, invocation->logger);
	if (status != STATUS_DONE)
		return status;
	call->letters = postgres_dead_letters_open(&url, ANSWER_MS, invocation->arena, &error);
	if (!call->letters)
		return dead_letter_call_report(call, STATUS_UNAVAILABLE, "%s", error);
	return check_ids(call);
}

enum exit_status dead_letter_call_run(const struct invocation *invocation, bool is_discarded,
				      dead_letter_body *body)
{
	struct dead_letter_call call = {.invocation = invocation};
	enum exit_status status = open_call(&call, is_discarded);

	if (status == STATUS_DONE)
		status = body(&call);
	if (call.letters)
		call.letters->ops->free(call.letters);
	return status;
}

enum exit_status dead_letter_call_status(const struct dead_letter_call *call)
{
	return call->is_missing_some ? STATUS_FAILED : STATUS_DONE;
}

/* ---- reading and counting ---- */

/* Whether a member `sku` of the payload, which may be malformed, has that value. */
static bool names_sku(const struct dead_letter *letter, const char *sku, struct arena *arena)
{
	static const char *const names[] = {"sku", NULL};
	struct bytes same;

	return codec_payload_replace(letter->payload, names, sku, sku, arena, &same) > 0;
}

/* Keeps `max` of them at most; the next page begins behind the last one that was looked at. */
static void keep_letters_of_sku(struct dead_letter_page *page, const char *sku, size_t max)
{
	struct arena *arena = arena_new(64 * 1024);
	size_t kept = 0;

	for (size_t i = 0; i < page->count && kept < max; i++) {
		arena_clear(arena);
		page->after = page->letters[i].id;
		if (names_sku(&page->letters[i], sku, arena))
			page->letters[kept++] = page->letters[i];
	}
	page->count = kept;
	arena_free(&arena);
}

/* Reads `page->max` letters, and keeps `max` of them at most; *more is false after the last one. */
static const struct failure *read_letters(struct dead_letter_call *call, struct dead_letter_page *page,
					  size_t max, bool *more)
{
	const struct failure *failure;

	page->count = 0;
	arena_clear(page->arena);
	failure = max ? call->letters->ops->read(call->letters, &call->filter, page) : NULL;
	*more = !failure && page->count;
	if (!*more)
		return failure;
	page->after = page->letters[page->count - 1].id;
	if (call->sku)
		keep_letters_of_sku(page, call->sku, max);
	return NULL;
}

const struct failure *dead_letter_call_read_page(struct dead_letter_call *call, struct dead_letter_page *page)
{
	const struct dead_letter_filter *filter = &call->filter;
	int64_t left = filter->limit - call->read_count;
	size_t max = filter->limit && left < (int64_t)page->max ? (size_t)left : page->max;
	struct dead_letter_page next = *page;
	const struct failure *failure;
	bool more;

	next.with_payload |= call->sku != NULL;
	next.max = call->sku ? ROWS_HEAVY : max; /* few of them may be of the SKU */
	do
		failure = read_letters(call, &next, max, &more);
	while (more && !next.count);
	next.max = page->max;
	*page = next;
	call->read_count += (int64_t)next.count;
	return failure;
}

enum exit_status dead_letter_call_for_each_page(struct dead_letter_call *call, bool with_payload,
						use_dead_letters *use, void *context)
{
	struct dead_letter_page page = {
		.max = with_payload ? ROWS_HEAVY : ROWS_LIGHT,
		.with_payload = with_payload,
		.after = call->after,
		.arena = arena_new(64 * 1024),
	};
	const struct failure *failure = NULL;
	enum exit_status status = STATUS_DONE;

	while (status == STATUS_DONE && !(failure = dead_letter_call_read_page(call, &page)) && page.count)
		status = use(call, &page, context);
	if (failure)
		status = dead_letter_call_report_failure(call, failure);
	else if (status == STATUS_DONE && !call->read_count)
		dead_letter_call_report(call, STATUS_DONE, "no %ss", noun(call));
	arena_free(&page.arena);
	return status == STATUS_DONE ? dead_letter_call_status(call) : status;
}

/* ---- counting ---- */

static struct dead_letter_kind *kind_of(struct dead_letter_census *census, const struct dead_letter *letter,
					struct arena *arena)
{
	for (size_t i = 0; i < census->kind_count; i++) {
		struct dead_letter_kind *kind = &census->kinds[i];

		if (!strcmp(kind->message, letter->message) && !strcmp(kind->transport, letter->transport))
			return kind;
	}
	census->kinds = arena_grow(arena, census->kinds, census->kind_count, sizeof *census->kinds);
	census->kinds[census->kind_count] = (struct dead_letter_kind){
		.message = arena_strdup(arena, letter->message),
		.transport = arena_strdup(arena, letter->transport),
	};
	return &census->kinds[census->kind_count++];
}

/* The database cannot tell which payloads name a SKU, so they are read. */
static const struct failure *count_letters_of_sku(struct dead_letter_call *call,
						  struct dead_letter_census *census)
{
	struct dead_letter_page page = {.max = ROWS_HEAVY, .arena = arena_new(64 * 1024)};
	const struct failure *failure;

	while (!(failure = dead_letter_call_read_page(call, &page)) && page.count) {
		for (size_t i = 0; i < page.count; i++)
			kind_of(census, &page.letters[i], call->invocation->arena)->count++;
	}
	arena_free(&page.arena);
	call->read_count = 0;
	return failure;
}

enum exit_status dead_letter_call_count(struct dead_letter_call *call, struct dead_letter_census *census)
{
	const struct failure *failure;

	*census = (struct dead_letter_census){0};
	failure = call->sku ? count_letters_of_sku(call, census)
			    : call->letters->ops->count(call->letters, &call->filter, call->invocation->arena,
							&census->kinds, &census->kind_count);
	if (failure)
		return dead_letter_call_report_failure(call, failure);
	for (size_t i = 0; i < census->kind_count; i++)
		census->total += census->kinds[i].count;
	return STATUS_DONE;
}

/* ---- the question ---- */

enum exit_status dead_letter_call_check_count(const struct dead_letter_call *call,
					      const struct dead_letter_census *census)
{
	int64_t expected = invocation_number(call->invocation, "expect", census->total);

	if (expected == census->total)
		return STATUS_DONE;
	if (invocation_flag(call->invocation, "json"))
		json_line_print(must(json_pack("{s:I, s:I}", "matched", (json_int_t)census->total, "expected",
					       (json_int_t)expected)),
				stdout);
	return dead_letter_call_report(call, STATUS_FAILED,
				       "nothing was done: %" PRId64 " match, and not the %" PRId64
				       " that were expected",
				       census->total, expected);
}

enum exit_status dead_letter_call_confirm(const struct dead_letter_call *call, const char *verb,
					  const struct dead_letter_census *census)
{
	struct arena *arena = call->invocation->arena;
	const char *kinds = "";

	for (size_t i = 0; i < census->kind_count; i++)
		kinds = arena_printf(arena, "%s%s%" PRId64 " %s", kinds, i ? ", " : "",
				     census->kinds[i].count, census->kinds[i].message);
	return confirm(call->invocation, arena_printf(arena, "%s %" PRId64 " dead letter%s (%s)?", verb,
						      census->total, census->total == 1 ? "" : "s", kinds));
}
