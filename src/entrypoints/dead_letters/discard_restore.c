/* `allocd dead-letters discard` and `restore`. */
#include "core/base/must.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dead_letters/dead_letter_call.h"

#include <inttypes.h>

/* One of the two commands. */
struct moving {
	const char *verb, *done;
	const struct failure *(*move)(struct dead_letters *, const struct dead_letter *letters, size_t count,
				      const struct dead_letter_deed *deed, size_t *moved);
	struct dead_letter_deed deed;
	int64_t count;
};

static enum exit_status move_page(struct dead_letter_call *call, const struct dead_letter_page *page,
				  void *context)
{
	struct moving *moving = context;
	size_t count = 0;
	const struct failure *failure =
		moving->move(call->letters, page->letters, page->count, &moving->deed, &count);

	moving->count += (int64_t)count;
	return failure ? dead_letter_call_report_failure(call, failure) : STATUS_DONE;
}

/* What was moved is printed even if the rest failed; with --json the last error is then why it failed. */
static enum exit_status move_all(struct dead_letter_call *call, struct moving *moving, int64_t total)
{
	const char *note = invocation_option(call->invocation, "note");
	enum exit_status status;

	moving->deed = (struct dead_letter_deed){call->who, note ? note : ""};
	status = dead_letter_call_for_each_page(call, false, move_page, moving);
	if (invocation_flag(call->invocation, "json")) {
		json_line_print(must(json_pack("{s:I, s:I}", moving->done, (json_int_t)moving->count,
					       "matched", (json_int_t)total)),
				stdout);
		if (status != STATUS_DONE && status != STATUS_FAILED)
			return status;
	}
	return dead_letter_call_report(call, status, "%" PRId64 " of %" PRId64 " %s", moving->count, total,
				       moving->done);
}

static enum exit_status move(struct dead_letter_call *call, struct moving *moving)
{
	struct dead_letter_census census;
	enum exit_status status;

	if (invocation_flag(call->invocation, "dry-run"))
		return dead_letter_call_list(call);
	status = dead_letter_call_count(call, &census);
	if (status == STATUS_DONE)
		status = dead_letter_call_check_count(call, &census);
	if (status == STATUS_DONE && census.total)
		status = dead_letter_call_confirm(call, moving->verb, &census);
	return status == STATUS_DONE ? move_all(call, moving, census.total) : status;
}

static enum exit_status discard(struct dead_letter_call *call)
{
	struct moving moving = {"Discard", "discarded", call->letters->ops->discard, {0}, 0};

	return move(call, &moving);
}

static enum exit_status restore(struct dead_letter_call *call)
{
	struct moving moving = {"Restore", "restored", call->letters->ops->restore, {0}, 0};

	return move(call, &moving);
}

enum exit_status command_dead_letters_discard(const struct invocation *invocation)
{
	return dead_letter_call_run(invocation, false, discard);
}

enum exit_status command_dead_letters_restore(const struct invocation *invocation)
{
	return dead_letter_call_run(invocation, true, restore);
}
