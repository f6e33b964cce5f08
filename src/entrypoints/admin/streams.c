/*
 * `allocd streams resize`: gives all workers another list of streams, and lets no command overtake another
 * one of its SKU.
 *
 * A publisher that has gone over adds a SKU's commands to another stream than before.  That stream is not
 * read until every command is handled that the former streams had when this began; then the database has the
 * new list.  Where the range grows, the database has both lists until then, in the steps of stream_plan.h: so
 * every worker has the new list before the first publisher goes over.
 */
#include "adapters/redis/protocol/resp_writer.h"
#include "bus/base/stream_plan.h"
#include "core/base/must.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/poll_deadline.h"
#include "entrypoints/cli/print.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#define TIMEOUT_MS 30000

/*
 * The first of these beats may have read the roll before the list was recorded, the second one reads it
 * afterwards, and the third one is sent when the worker has acted on that.
 */
#define BEATS_TO_FOLLOW 3

/* The holder of a lease when the lease was first seen. */
struct holder {
	const char *lease; /* NULL: none yet */
	const char *id;
	int64_t beats;
};

struct resize {
	struct tools *tools;
	const struct stream_list *to;
	const char *recorded; /* in the database; NULL: none */
	struct stream_plan plan;
	const char *up_to[STREAMS_MAX];
	struct poll_deadline deadline;
};

static bool read_plan(struct resize *resize)
{
	struct tools *tools = resize->tools;
	struct arena *arena = tools->invocation->arena;
	PGresult *row = blocking_client_query(tools_client(tools), sql_read_installation, 0, NULL);

	if (!row)
		return tools_report_database(tools);
	if (!PQgetisnull(row, 0, 0) && strcmp(PQgetvalue(row, 0, 0), tools->invocation->config.prefix) != 0) {
		PQclear(row);
		return tools_report(tools, STATUS_CONFIGURATION, "ALLOCD_PREFIX",
				    "the database belongs to another one");
	}
	resize->recorded = PQgetisnull(row, 0, 1) ? NULL : arena_strdup(arena, PQgetvalue(row, 0, 1));
	PQclear(row);
	/* What cannot be parsed is of a newer program. */
	if (resize->recorded && !stream_plan_parse(resize->recorded, &resize->plan, arena))
		return tools_report(tools, STATUS_CONFIGURATION,
				    "the database has streams of a newer program", resize->recorded);
	return true;
}

/* The default must not replace the list by accident. */
static bool is_given(const struct config *config)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (settings[i].offset == offsetof(struct config, streams))
			return config->given[i].origin != FROM_DEFAULT;
	}
	return false;
}

/* A list that could be read as two lists, or that is read already under another division, is refused. */
static bool check_change(const struct resize *resize)
{
	struct tools *tools = resize->tools;
	struct stream_plan plan;

	if (!resize->to->count || !is_given(&tools->invocation->config) ||
	    !stream_plan_parse(resize->to->text, &plan, tools->invocation->arena) ||
	    plan.step != STREAMS_SETTLED)
		return tools_report(tools, STATUS_CONFIGURATION, "ALLOCD_STREAM",
				    "expected the new list of streams");
	if (resize->plan.step != STREAMS_SETTLED || stream_list_may_become(&resize->plan.from, resize->to))
		return true;
	return tools_report(tools, STATUS_CONFIGURATION, "a SKU would get a stream that is read already",
			    "a range may grow to a multiple of its number, or have names that are new");
}

/* ---- what was there before ---- */

/* The time of the last entry that was added, by Redis' clock, which ids of entries begin with. */
static const char last_generated[] =
	"if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return 0 end\n"
	"local info = redis.call('XINFO', 'STREAM', KEYS[1])\n"
	"for i = 1, #info, 2 do\n"
	"	if info[i] == 'last-generated-id' then return tonumber(string.match(info[i + 1], '^%d+')) end\n"
	"end";

static bool mark_ends(struct resize *resize)
{
	struct tools *tools = resize->tools;

	for (size_t i = 0; i < resize->plan.from.count; i++) {
		const struct bytes arguments[] = {
			bytes_of("EVAL"),
			bytes_of(last_generated),
			bytes_of("1"),
			bytes_of(tools_prefixed(tools, resize->plan.from.names[i])),
		};
		int64_t ms;

		if (!redis_client_number(tools->redis, arguments, 4, &ms, tools->redis_error))
			return tools_report_redis(tools);
		resize->up_to[i] = arena_printf(tools->invocation->arena, "%" PRId64, ms);
	}
	return true;
}

static bool await_stream(struct resize *resize, size_t number)
{
	struct tools *tools = resize->tools;
	const char *name = resize->plan.from.names[number];
	int64_t count;

	while (tools_count_entries(tools, name, resize->up_to[number], &count)) {
		if (!count)
			return true;
		if (!poll_deadline_left_ms(&resize->deadline))
			return tools_report(tools, STATUS_TRY_AGAIN, "nothing is changed",
					    arena_printf(tools->invocation->arena,
							 "%" PRId64
							 " entries or more of stream %s are not handled",
							 count, name));
		poll_deadline_pause(&resize->deadline);
	}
	return false;
}

/* What is forwarded meanwhile is behind the mark on its next stream.  A message visits each stream once. */
static bool await_streams(struct resize *resize)
{
	size_t count = resize->plan.from.count, rounds = resize->plan.from.range_count + 1;

	for (size_t round = 0; round < rounds; round++) {
		if (!mark_ends(resize))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (!await_stream(resize, i))
				return false;
		}
	}
	return true;
}

/* ---- workers ---- */

/* The names of a list that the other one lacks, with the prefix, one a line; `other` may be NULL. */
static const char *names_of(const struct resize *resize, const struct stream_list *list,
			    const struct stream_list *other)
{
	const char *names = "";

	for (size_t i = 0; i < list->count; i++) {
		if (!other || !stream_list_has(other, list->names[i]))
			names = arena_printf(resize->tools->invocation->arena, "%s%s%s", names,
					     *names ? "\n" : "",
					     tools_prefixed(resize->tools, list->names[i]));
	}
	return names;
}

static bool set_list(const struct resize *resize, const char *text)
{
	struct tools *tools = resize->tools;
	PGresult *row = blocking_client_query(tools_client(tools), sql_set_streams, 2,
					      (const char *const[]){text, resize->recorded});
	bool is_set = row && strcmp(PQcmdTuples(row), "1") == 0;

	PQclear(row);
	if (!row)
		return tools_report_database(tools);
	return is_set || tools_report(tools, STATUS_TRY_AGAIN, "nothing is changed",
				      "another program has changed the list meanwhile");
}

/* Sets the list unless there is a worker with another one; then *who is its name. */
static bool try_to_set(const struct resize *resize, const char *text, const char *const condition[3],
		       const char **who)
{
	struct tools *tools = resize->tools;
	struct blocking_client *client = tools_client(tools);
	PGresult *row = NULL;

	*who = NULL;
	if (blocking_client_begin_transaction(client, sql_begin_change_of_streams))
		row = blocking_client_query(client, sql_find_worker_with_other_streams, 3, condition);
	if (!row)
		return tools_report_database(tools);
	if (PQntuples(row))
		*who = arena_strdup(tools->invocation->arena, PQgetvalue(row, 0, 0));
	PQclear(row);
	if (!*who && !set_list(resize, text))
		return false;
	return blocking_client_execute(client, "commit") || tools_report_database(tools);
}

static bool set_when_workers_agree(struct resize *resize, const char *text, const char *const condition[3])
{
	struct tools *tools = resize->tools;
	const char *who;

	while (try_to_set(resize, text, condition, &who)) {
		if (!who)
			return true;
		if (!poll_deadline_left_ms(&resize->deadline))
			return tools_report(
				tools, STATUS_TRY_AGAIN,
				arena_printf(tools->invocation->arena, "nothing is changed: worker %s", who),
				arena_printf(tools->invocation->arena,
					     "start it again with ALLOCD_STREAM='%s', then run this again",
					     resize->to->text));
		poll_deadline_pause(&resize->deadline);
	}
	return false;
}

/* Whether the holder of the lease in that row reads under what was recorded before it was first seen. */
static bool follows(struct holder *first, const PGresult *rows, int row, struct arena *arena)
{
	const char *lease = PQgetvalue(rows, row, 0), *id = PQgetvalue(rows, row, 1);
	int64_t beats = blocking_client_number(rows, row, 2);

	while (first->lease && strcmp(first->lease, lease) != 0)
		first++;
	if (!first->lease)
		*first = (struct holder){arena_strdup(arena, lease), arena_strdup(arena, id), beats};
	return !*id || strcmp(id, first->id) != 0 || beats >= first->beats + BEATS_TO_FOLLOW;
}

/* Every worker that takes a stream later reads under what is recorded, or the take fails. */
static bool await_holders(struct resize *resize, const char *what_if_not)
{
	struct tools *tools = resize->tools;
	struct arena *arena = tools->invocation->arena;
	const char *streams[] = {names_of(resize, &resize->plan.from, NULL)};
	struct holder first[STREAMS_MAX + 1] = {{.id = NULL}};

	for (;;) {
		PGresult *rows = blocking_client_query(tools_client(tools), sql_read_holders, 1, streams);
		const char *who = NULL;

		if (!rows)
			return tools_report_database(tools);
		for (int row = 0; row < PQntuples(rows); row++) {
			if (!follows(first, rows, row, arena))
				who = arena_strdup(arena, PQgetvalue(rows, row, 3));
		}
		PQclear(rows);
		if (!who)
			return true;
		if (!poll_deadline_left_ms(&resize->deadline))
			return tools_report(tools, STATUS_TRY_AGAIN, what_if_not,
					    arena_printf(arena, "worker %s does not answer", who));
		poll_deadline_pause(&resize->deadline);
	}
}

/* ---- the steps ---- */

static bool report_order(const struct resize *resize, const char *why)
{
	return tools_report(resize->tools, STATUS_CONFIGURATION, resize->recorded, why);
}

/* What is recorded now, and what to do next. */
static bool say(const struct resize *resize, const char *recorded, const char *next)
{
	if (invocation_flag(resize->tools->invocation, "json"))
		json_line_print(must(json_pack("{s:s, s:s}", "recorded", recorded, "next", next)), stdout);
	else
		printf("%s\n%s\n", recorded, next);
	return true;
}

static bool say_prepared(const struct resize *resize, const char *recorded)
{
	return say(resize, recorded,
		   arena_printf(resize->tools->invocation->arena,
				"Next: start the workers again, one after the other, with "
				"ALLOCD_STREAM='%s'; then run this again.",
				resize->to->text));
}

static bool say_agreed(const struct resize *resize, const char *recorded)
{
	return say(resize, recorded,
		   "Next: let the publishers go over to the new streams; then run this with --finish.");
}

static bool say_finished(const struct resize *resize, const char *recorded)
{
	return say(resize, recorded, "Done: the workers with this list read its streams.");
}

static bool take_back(struct resize *resize)
{
	const struct stream_plan *plan = &resize->plan;
	const char *condition[] = {names_of(resize, &plan->from, NULL), "",
				   names_of(resize, &plan->to, &plan->from)};

	return set_when_workers_agree(resize, plan->from.text, condition) &&
	       say_finished(resize, plan->from.text);
}

static const char not_agreed[] = "this step is recorded, and publishers may not go over yet: run it again";

static bool agree(struct resize *resize)
{
	const struct stream_plan *plan = &resize->plan;
	const char *text = stream_plan_text(STREAMS_AGREED, plan->from.text, plan->to.text,
					    resize->tools->invocation->arena);
	const char *condition[] = {names_of(resize, &plan->from, NULL), names_of(resize, &plan->to, NULL),
				   ""};

	return set_when_workers_agree(resize, text, condition) && await_holders(resize, not_agreed) &&
	       say_agreed(resize, text);
}

static bool change_settled(struct resize *resize, bool is_last)
{
	const char *former = resize->plan.from.text, *text;

	if (resize->recorded && !strcmp(former, resize->to->text))
		return say_finished(resize, former);
	if (is_last)
		return report_order(resize, "no change of it is under way: run this without --finish first");
	if (!stream_list_grows(&resize->plan.from, resize->to))
		return await_streams(resize) && set_list(resize, resize->to->text) &&
		       say(resize, resize->to->text,
			   "Next: start the workers again, one after the other, with this list.");
	text = stream_plan_text(STREAMS_PREPARED, former, resize->to->text, resize->tools->invocation->arena);
	return set_list(resize, text) && say_prepared(resize, text);
}

static bool change_prepared(struct resize *resize, bool is_last)
{
	if (is_last)
		return report_order(resize,
				    "run this without --finish first, when every worker has the new list");
	if (!strcmp(resize->to->text, resize->plan.from.text))
		return take_back(resize);
	if (strcmp(resize->to->text, resize->plan.to.text) != 0)
		return report_order(
			resize, "this change is under way: finish it, or take it back with the former list");
	return agree(resize);
}

static bool change_agreed(struct resize *resize, bool is_last)
{
	if (strcmp(resize->to->text, resize->plan.to.text) != 0)
		return report_order(resize,
				    "publishers may have gone over: finish this change first, with --finish");
	if (!await_holders(resize, is_last ? "nothing is changed" : not_agreed))
		return false;
	if (!is_last)
		return say_agreed(resize, resize->recorded);
	return await_streams(resize) && set_list(resize, resize->to->text) &&
	       say_finished(resize, resize->to->text);
}

enum exit_status command_streams_resize(const struct invocation *invocation)
{
	static bool (*const change[])(struct resize *, bool) = {
		[STREAMS_SETTLED] = change_settled,
		[STREAMS_PREPARED] = change_prepared,
		[STREAMS_AGREED] = change_agreed,
	};
	struct resize resize = {
		.tools = tools_new(invocation),
		.to = &invocation->config.streams,
		.deadline = poll_deadline_in(invocation_ms(invocation, "timeout", TIMEOUT_MS)),
	};

	if (tools_open_database(resize.tools) && tools_open_redis(resize.tools) && read_plan(&resize) &&
	    check_change(&resize))
		change[resize.plan.step](&resize, invocation_flag(invocation, "finish"));
	return tools_free(&resize.tools);
}
