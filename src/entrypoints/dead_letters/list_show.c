/* `allocd dead-letters list` and `show`. */
#include "adapters/codec/codec.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dead_letters/dead_letter_call.h"
#include "entrypoints/dead_letters/dead_letter_print.h"

#include <sys/ioctl.h>
#include <unistd.h>

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

static bool has_payloads(const struct dead_letter_call *call)
{
	return !invocation_flag(call->invocation, "without-payload");
}

static enum exit_status print_lines(struct dead_letter_call *call, const struct dead_letter_page *page,
				    void *context)
{
	bool has_payload = has_payloads(call);

	(void)context;
	for (size_t i = 0; i < page->count; i++)
		json_line_print(dead_letter_to_json(&page->letters[i], has_payload), stdout);
	return STATUS_DONE;
}

enum exit_status dead_letter_call_list(struct dead_letter_call *call)
{
	struct dead_letter_table table = {
		.out = stdout, .terminal_width = terminal_width(), .now = call->letters->opened_at};

	if (invocation_flag(call->invocation, "json"))
		return dead_letter_call_for_each_page(call, has_payloads(call), print_lines, NULL);
	return dead_letter_call_for_each_page(call, false, print_rows, &table);
}

static enum exit_status add_to_groups(struct dead_letter_call *call, const struct dead_letter_page *page,
				      void *groups)
{
	(void)call;
	for (size_t i = 0; i < page->count; i++)
		dead_letter_groups_add(groups, &page->letters[i]);
	return STATUS_DONE;
}

static void print_groups(const struct dead_letter_call *call, const struct dead_letter_groups *groups)
{
	struct dead_letter_table table = {
		.out = stdout, .terminal_width = terminal_width(), .now = call->letters->opened_at};

	if (!invocation_flag(call->invocation, "json")) {
		dead_letter_groups_print(&table, groups);
		return;
	}
	for (size_t i = 0; i < groups->count; i++)
		json_line_print(dead_letter_group_to_json(groups->all[i]), stdout);
}

static enum exit_status list_groups(struct dead_letter_call *call)
{
	struct dead_letter_groups groups;
	enum exit_status status;
	int64_t top;

	dead_letter_groups_init(&groups, call->invocation->arena);
	status = dead_letter_call_for_each_page(call, false, add_to_groups, &groups);
	dead_letter_groups_sort(&groups);
	top = invocation_number(call->invocation, "top", (int64_t)groups.count);
	if (top < (int64_t)groups.count)
		groups.count = (size_t)top;
	if (groups.count)
		print_groups(call, &groups);
	return status;
}

enum exit_status command_dead_letters_list(const struct invocation *invocation)
{
	return dead_letter_call_run(invocation, invocation_flag(invocation, "discarded"),
				    invocation_flag(invocation, "group") ? list_groups
									 : dead_letter_call_list);
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
			json_line_print(dead_letter_details_to_json(&details, has_payloads(call)), stdout);
		else
			dead_letter_details_print(&details, stdout);
	}
	return STATUS_DONE;
}

static enum exit_status show(struct dead_letter_call *call)
{
	return dead_letter_call_for_each_page(call, has_payloads(call), print_details, NULL);
}

enum exit_status command_dead_letters_show(const struct invocation *invocation)
{
	return dead_letter_call_run(invocation, invocation_flag(invocation, "discarded"), show);
}
