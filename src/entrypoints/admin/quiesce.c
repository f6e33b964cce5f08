/* `allocd quiesce`: returns when nothing is queued, in flight or unpublished. */
#include "adapters/postgres/tools/outbox_tools.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/poll_deadline.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>

#define TIMEOUT_MS 30000

/*
 * The least time that workers get to answer, even when less is left until the deadline: otherwise they would
 * always seem busy.
 */
#define ANSWER_MS_MIN 200

/* Repeats rounds of questions until everything is idle in a whole round. */
struct poll {
	const struct invocation *invocation;
	struct tools *tools;
	struct poll_deadline deadline;
	int64_t asked, answered; /* workers */
	const char *busy;        /* the busy part, in one line; NULL: none found in this round */
};

/* Each ask function returns false when asking failed, which it has reported. */

static bool ask_workers(struct poll *poll)
{
	int64_t left = poll_deadline_left_ms(&poll->deadline);

	if (!tools_ask_whether_idle(poll->tools, left > ANSWER_MS_MIN ? left : ANSWER_MS_MIN, &poll->asked,
				    &poll->answered))
		return false;
	if (poll->answered < poll->asked)
		poll->busy = arena_printf(poll->invocation->arena, "%" PRId64 " of %" PRId64 " workers",
					  poll->asked - poll->answered, poll->asked);
	return true;
}

/* What is forwarded meanwhile, from the last stream to the first, is found in the second round. */
static bool ask_streams(struct poll *poll)
{
	const struct stream_list *streams = &poll->invocation->config.streams;
	int64_t count;

	for (size_t i = 0; i < 2 * streams->count && !poll->busy; i++) {
		const char *name = streams->names[i % streams->count];

		if (!tools_count_entries(poll->tools, name, "+", &count))
			return false;
		if (count > 0)
			poll->busy = arena_printf(poll->invocation->arena,
						  "%" PRId64 " entries or more of stream %s", count, name);
	}
	return true;
}

static bool ask_database(struct poll *poll)
{
	struct unfinished_work work;

	if (!postgres_find_unfinished(tools_client(poll->tools), &work))
		return tools_report_database(poll->tools);
	if (work.unpublished > 0 || work.shrinks > 0)
		poll->busy = arena_printf(poll->invocation->arena,
					  "%" PRId64 " commits to publish, %" PRId64 " shrinks in progress",
					  work.unpublished, work.shrinks);
	return true;
}

/* Asks one round, which ends at the first busy part. */
static bool ask_all(struct poll *poll)
{
	poll->busy = NULL;
	return ask_workers(poll) && (poll->busy || ask_streams(poll)) && (poll->busy || ask_database(poll));
}

static enum exit_status wait_until_idle(struct poll *poll)
{
	while (ask_all(poll)) {
		if (poll->asked == 0) {
			print_error("quiesce: no worker listens");
			return STATUS_UNAVAILABLE;
		}
		if (!poll->busy)
			return STATUS_DONE;
		if (poll_deadline_left_ms(&poll->deadline) == 0) {
			print_error("quiesce: still busy: %s", poll->busy);
			return STATUS_TRY_AGAIN;
		}
		poll_deadline_pause(&poll->deadline);
	}
	return poll->tools->status;
}

enum exit_status command_quiesce(const struct invocation *invocation)
{
	struct poll poll = {
		.invocation = invocation,
		.tools = tools_new(invocation),
		.deadline = poll_deadline_in(invocation_ms(invocation, "timeout", TIMEOUT_MS)),
	};

	if (tools_open_database(poll.tools) && tools_open_redis(poll.tools))
		poll.tools->status = wait_until_idle(&poll);
	return tools_free(&poll.tools);
}
