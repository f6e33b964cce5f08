/* `allocd dead-letters list`, `show` and `discard`. */
#include "adapters/codec/codec.h"
#include "entrypoints/cli/audit_user.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dead_letters/dead_letter_call.h"
#include "entrypoints/dead_letters/dead_letter_print.h"

#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The rows of a page: without payloads, and with payloads of up to 64 KiB. */
#define ROWS_LIGHT 500
#define ROWS_HEAVY 50

/* Handles one page; a result other than STATUS_DONE ends the command. */
typedef enum exit_status use_page(struct dead_letter_call *call, const struct dead_letter_page *page,
				  void *context);

static enum exit_status for_each_page(struct dead_letter_call *call, bool with_payload, use_page *use,
				      void *context)
{
	struct dead_letter_page page = {
		.max = with_payload ? ROWS_HEAVY : ROWS_LIGHT,
		.with_payload = with_payload,
		.arena = arena_new(64 * 1024),
	};
	const struct failure *failure = NULL;
	enum exit_status status = STATUS_DONE;

	while (status == STATUS_DONE && !(failure = dead_letter_call_read_page(call, &page)) && page.count)
		status = use(call, &page, context);
	if (failure)
		status = dead_letter_call_report_failure(call, failure);
	else if (status == STATUS_DONE && !call->read_count)
		dead_letter_call_report(call, STATUS_DONE, "no dead letters");
	arena_free(&page.arena);
	return status == STATUS_DONE ? dead_letter_call_status(call) : status;
}

static enum exit_status run(const struct invocation *invocation,
			    enum exit_status (*body)(struct dead_letter_call *call))
{
	struct dead_letter_call call;
	enum exit_status status = dead_letter_call_open(&call, invocation);

	if (status == STATUS_DONE)
		status = body(&call);
	dead_letter_call_close(&call);
	return status;
}

/* ---- list ---- */

static size_t terminal_width(void)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static enum exit_status print_rows(struct dead_letter_call *call, const struct dead_letter_page *page,
				   void *table)
{
	(void)call;
	dead_letter_table_print(table, page->letters, page->count);
	return STATUS_DONE;
}

static enum exit_status print_lines(struct dead_letter_call *call, const struct dead_letter_page *page,
				    void *context)
{
	(void)call, (void)context;
	for (size_t i = 0; i < page->count; i++)
		json_line_print(dead_letter_to_json(&page->letters[i]), stdout);
	return STATUS_DONE;
}

static enum exit_status list(struct dead_letter_call *call)
{
	struct dead_letter_table table = {
		.out = stdout, .terminal_width = terminal_width(), .now = call->letters->opened_at};

	if (invocation_flag(call->invocation, "json"))
		return for_each_page(call, true, print_lines, NULL);
	return for_each_page(call, false, print_rows, &table);
}

enum exit_status command_dead_letters_list(const struct invocation *invocation)
{
	return run(invocation, list);
}

/* ---- show ---- */

static enum exit_status print_details(struct dead_letter_call *call, const struct dead_letter_page *page,
				      void *context)
{
	bool json = invocation_flag(call->invocation, "json");
	const char *error;

	(void)context;
	for (size_t i = 0; i < page->count; i++) {
		struct dead_letter_details details = {.letter = &page->letters[i]};
		struct dead_letter_history_entry *history;
		const struct failure *failure = call->letters->ops->history(
			call->letters, details.letter->id, page->arena, &history, &details.history_count);

		if (failure)
			return dead_letter_call_report_failure(call, failure);
		details.history = history;
		if (!codec_payload_to_line(details.letter->payload, page->arena, &details.payload_line,
					   &error))
			details.payload_line = NULL;
		if (json)
			json_line_print(dead_letter_details_to_json(&details), stdout);
		else
			dead_letter_details_print(&details, stdout);
	}
	return STATUS_DONE;
}

static enum exit_status show(struct dead_letter_call *call)
{
	return for_each_page(call, true, print_details, NULL);
}

enum exit_status command_dead_letters_show(const struct invocation *invocation)
{
	return run(invocation, show);
}

/* ---- discard ---- */

struct discarding {
	const char *who;
	int64_t count;
};

static enum exit_status discard_page(struct dead_letter_call *call, const struct dead_letter_page *page,
				     void *context)
{
	struct discarding *discarding = context;
	size_t count = 0;
	const struct failure *failure = call->letters->ops->discard(call->letters, page->letters, page->count,
								    discarding->who, &count);

	discarding->count += (int64_t)count;
	return failure ? dead_letter_call_report_failure(call, failure) : STATUS_DONE;
}

static enum exit_status discard_all(struct dead_letter_call *call, int64_t total)
{
	struct discarding discarding = {.who = audit_user_name(call->invocation->arena)};
	enum exit_status status = for_each_page(call, false, discard_page, &discarding);

	return dead_letter_call_report(call, status, "%" PRId64 " of %" PRId64 " discarded", discarding.count,
				       total);
}

static enum exit_status discard(struct dead_letter_call *call)
{
	struct dead_letter_census census;
	enum exit_status status = dead_letter_call_count(call, &census);

	if (status != STATUS_DONE)
		return status;
	if (!census.total) {
		dead_letter_call_report(call, STATUS_DONE, "no dead letters");
		return dead_letter_call_status(call);
	}
	status = dead_letter_call_confirm(call, "Discard", &census);
	return status == STATUS_DONE ? discard_all(call, census.total) : status;
}

enum exit_status command_dead_letters_discard(const struct invocation *invocation)
{
	return run(invocation, discard);
}
