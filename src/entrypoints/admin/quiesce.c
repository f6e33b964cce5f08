/* `allocd quiesce`: returns when nothing is queued, in flight or unpublished. */
#include "adapters/postgres/tools/outbox_tools.h"
#include "adapters/redis/protocol/resp_writer.h"
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

/*
 * Counts in Redis and returns one number, because the reply of XINFO grows with the number of groups, and the
 * entry of the last generated id may be gone.  If the group does not exist, the worker is about to create it,
 * and no entry was read yet.
 */
static const char count_entries[] =
	"local key, group = KEYS[1], ARGV[1]\n"
	"if redis.call('TYPE', key).ok ~= 'stream' then return 0 end\n"
	"for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do\n"
	"	local field = {}\n"
	"	for i = 1, #info, 2 do field[info[i]] = info[i + 1] end\n"
	"	if field.name == group then\n"
	"		local after = '(' .. field['last-delivered-id']\n"
	"		return field.pending + #redis.call('XRANGE', key, after, '+', 'COUNT', 1000)\n"
	"	end\n"
	"end\n"
	"return #redis.call('XRANGE', key, '-', '+', 'COUNT', 1000)";

static bool count_stream_entries(struct tools *tools, const char *stream, int64_t *count)
{
	const struct bytes arguments[] = {
		bytes_of("EVAL"),
		bytes_of(count_entries),
		bytes_of("1"),
		bytes_of(tools_prefixed(tools, stream)),
		bytes_of(tools->invocation->config.group),
	};

	return redis_client_number(tools->redis, arguments, 5, count, tools->redis_error) ||
	       tools_report_redis(tools);
}

static bool ask_streams(struct poll *poll)
{
	const struct stream_list *streams = &poll->invocation->config.streams;
	int64_t count;

	for (size_t i = 0; i < streams->count && !poll->busy; i++) {
		if (!count_stream_entries(poll->tools, streams->names[i], &count))
			return false;
		if (count > 0)
			poll->busy = arena_printf(poll->invocation->arena,
						  "%" PRId64 " entries or more of stream %s", count,
						  streams->names[i]);
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
