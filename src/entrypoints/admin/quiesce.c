/* `allocd quiesce`: returns when nothing is queued, in flight or unpublished. */
#include "adapters/postgres/tools/outbox_tools.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/poll_deadline.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>

#define TIMEOUT_MS 30000

/* However little time is left, workers have so long to answer: else they would always be the busy ones. */
#define ANSWER_MS_MIN 200

/* One look after the other, until a whole round finds nobody busy. */
struct look {
	const struct invocation *invocation;
	struct tools *tools;
	struct poll_deadline patience;
	int64_t asked, answered; /* workers */
	const char *busy;        /* who or what is, in one line; NULL: nobody so far */
};

/* These return false when the question could not be asked: see the tools. */

static bool look_at_workers(struct look *look)
{
	int64_t left = poll_deadline_left_ms(&look->patience);

	if (!tools_ask_whether_idle(look->tools, left > ANSWER_MS_MIN ? left : ANSWER_MS_MIN, &look->asked,
				    &look->answered))
		return false;
	if (look->answered < look->asked)
		look->busy = arena_printf(look->invocation->arena, "%" PRId64 " of %" PRId64 " workers",
					  look->asked - look->answered, look->asked);
	return true;
}

/* ---- streams ---- */

/*
 * Counts in Redis, and answers with one number: the lists of XINFO grow with the number of groups, and the
 * entry of the last generated id may be gone.  Where the group does not exist, the worker is about to create
 * it, and no entry was read yet.
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

	return publish_once_number(tools->redis, arguments, 5, count, tools->redis_error) ||
	       tools_report_redis(tools);
}

static bool look_at_streams(struct look *look)
{
	const struct stream_list *streams = &look->invocation->config.streams;
	int64_t count;

	for (size_t i = 0; i < streams->count && !look->busy; i++) {
		if (!count_stream_entries(look->tools, streams->names[i], &count))
			return false;
		if (count > 0)
			look->busy = arena_printf(look->invocation->arena,
						  "%" PRId64 " entries or more of stream %s", count,
						  streams->names[i]);
	}
	return true;
}

static bool look_at_database(struct look *look)
{
	struct unfinished_work work;

	if (!postgres_find_unfinished(tools_client(look->tools), &work))
		return tools_report_database(look->tools);
	if (work.unpublished > 0 || work.shrinks > 0)
		look->busy = arena_printf(look->invocation->arena,
					  "%" PRId64 " commits to publish, %" PRId64 " shrinks going on",
					  work.unpublished, work.shrinks);
	return true;
}

/* Once round; whoever is busy ends it. */
static bool look_around(struct look *look)
{
	look->busy = NULL;
	return look_at_workers(look) && (look->busy || look_at_streams(look)) &&
	       (look->busy || look_at_database(look));
}

static enum exit_status wait_for_quiet(struct look *look)
{
	while (look_around(look)) {
		if (look->asked == 0) {
			print_error("quiesce: no worker listens");
			return STATUS_UNAVAILABLE;
		}
		if (!look->busy)
			return STATUS_DONE;
		if (poll_deadline_left_ms(&look->patience) == 0) {
			print_error("quiesce: still busy: %s", look->busy);
			return STATUS_TRY_AGAIN;
		}
		poll_deadline_pause(&look->patience);
	}
	return look->tools->status;
}

enum exit_status command_quiesce(const struct invocation *invocation)
{
	struct look look = {
		.invocation = invocation,
		.tools = tools_new(invocation),
		.patience = poll_deadline_in(invocation_ms(invocation, "timeout", TIMEOUT_MS)),
	};
	enum exit_status status;

	if (tools_open_database(look.tools) && tools_open_redis(look.tools))
		status = wait_for_quiet(&look);
	else
		status = look.tools->status;
	tools_free(&look.tools);
	return status;
}
