/* The parts that all commands about dead letters share. */
#include "entrypoints/dead_letters/dead_letter_call.h"

#include "adapters/postgres/ports/dead_letter_archive.h"
#include "core/base/must.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dead_letters/dead_letter_filter.h"
#include "entrypoints/dead_letters/dead_letter_print.h"
#include "entrypoints/main/server_urls.h"
#include "entrypoints/main/wait_for_schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

/* The longest wait for one answer of the database. */
#define ANSWER_MS 30000

enum exit_status dead_letter_call_report(const struct dead_letter_call *call, enum exit_status status,
					 const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = must(NULL);
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
	return dead_letter_call_report(call, STATUS_FAILED, "the database refused: %s", failure->text);
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
	if (!count)
		return dead_letter_call_report(call, STATUS_DONE, "there is no dead letter %" PRId64, id);
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
	failure = call->letters->ops->missing(call->letters, filter->ids, filter->id_count,
					      call->invocation->arena, &missing, &count);
	if (failure)
		return dead_letter_call_report_failure(call, failure);
	call->is_missing_some = count > 0;
	for (size_t i = 0; i < count && status == STATUS_DONE; i++)
		status = report_missing(call, missing[i]);
	return status;
}

/* ---- opening and closing ---- */

enum exit_status dead_letter_call_open(struct dead_letter_call *call, const struct invocation *invocation)
{
	struct url_source url = database_url(&invocation->config);
	enum exit_status status;
	const char *error;

	*call = (struct dead_letter_call){.invocation = invocation};
	if (!dead_letter_filter_read(invocation, &call->filter, &error))
		return dead_letter_call_report(call, STATUS_USAGE, "%s", error);
	status = schema_prepare(&invocation->config, false, invocation->logger);
	if (status != STATUS_DONE)
		return status;
	call->letters = postgres_dead_letters_open(&url, ANSWER_MS, invocation->arena, &error);
	if (!call->letters)
		return dead_letter_call_report(call, STATUS_UNAVAILABLE, "%s", error);
	return check_ids(call);
}

void dead_letter_call_close(struct dead_letter_call *call)
{
	if (call->letters)
		call->letters->ops->free(call->letters);
	call->letters = NULL;
}

enum exit_status dead_letter_call_status(const struct dead_letter_call *call)
{
	return call->is_missing_some ? STATUS_FAILED : STATUS_DONE;
}

/* ---- reading and counting ---- */

const struct failure *dead_letter_call_read_page(struct dead_letter_call *call, struct dead_letter_page *page)
{
	const struct dead_letter_filter *filter = &call->filter;
	struct dead_letter_page next = *page;
	const struct failure *failure;

	next.after = page->count ? page->letters[page->count - 1].id : page->after;
	next.count = 0;
	if (filter->limit && filter->limit - call->read_count < (int64_t)page->max)
		next.max = (size_t)(filter->limit - call->read_count);
	arena_clear(page->arena);
	failure = next.max ? call->letters->ops->read(call->letters, filter, &next) : NULL;
	next.max = page->max;
	*page = next;
	call->read_count += (int64_t)next.count;
	return failure;
}

enum exit_status dead_letter_call_count(struct dead_letter_call *call, struct dead_letter_census *census)
{
	const struct failure *failure = call->letters->ops->count(
		call->letters, &call->filter, call->invocation->arena, &census->kinds, &census->kind_count);

	census->total = 0;
	if (failure)
		return dead_letter_call_report_failure(call, failure);
	for (size_t i = 0; i < census->kind_count; i++)
		census->total += census->kinds[i].count;
	return STATUS_DONE;
}

/* ---- the question ---- */

static void ask(const char *verb, const struct dead_letter_census *census)
{
	fprintf(stderr, "%s %" PRId64 " dead letter%s (", verb, census->total, census->total == 1 ? "" : "s");
	for (size_t i = 0; i < census->kind_count; i++)
		fprintf(stderr, "%s%" PRId64 " %s", i ? ", " : "", census->kinds[i].count,
			census->kinds[i].message);
	fputs(")? [y/N] ", stderr);
}

enum exit_status dead_letter_call_confirm(const struct dead_letter_call *call, const char *verb,
					  const struct dead_letter_census *census)
{
	char answer[16] = "";

	if (invocation_flag(call->invocation, "yes"))
		return STATUS_DONE;
	if (!isatty(STDIN_FILENO))
		return dead_letter_call_report(call, STATUS_USAGE,
					       "%" PRId64 " match, and there is no terminal to ask at: "
					       "give --yes to proceed",
					       census->total);
	ask(verb, census);
	if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return STATUS_DONE;
	return dead_letter_call_report(call, STATUS_FAILED, "nothing was done");
}
