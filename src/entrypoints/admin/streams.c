/*
 * `allocd streams resize`: gives all workers another list of streams, and lets no command overtake another
 * one of its SKU.
 *
 * A publisher that has gone over adds a SKU's commands to another stream than before.  That stream is not
 * read until every command is handled that the former streams had when this began; then the database has the
 * new list, and workers with it start.
 */
#include "adapters/redis/protocol/resp_writer.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/poll_deadline.h"
#include "tools_sql.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define TIMEOUT_MS 30000

struct resize {
	struct tools *tools;
	const struct stream_list *to;
	struct stream_list from;
	const char *recorded; /* in the database; NULL: none */
	const char *up_to[STREAMS_MAX];
	struct poll_deadline deadline;
};

static bool read_list(struct resize *resize)
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
	/* What is no list for this program is one of a newer program's. */
	if (resize->recorded && !stream_list_parse(resize->recorded, &resize->from, arena))
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

static bool check_change(const struct resize *resize)
{
	if (!resize->to->count || !is_given(&resize->tools->invocation->config))
		return tools_report(resize->tools, STATUS_CONFIGURATION, "ALLOCD_STREAM",
				    "expected the new list of streams");
	if (stream_list_may_become(&resize->from, resize->to))
		return true;
	return tools_report(resize->tools, STATUS_CONFIGURATION,
			    "a SKU would get a stream that is read already",
			    "a range may grow to a multiple of its number, or have names that are new");
}

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

	for (size_t i = 0; i < resize->from.count; i++) {
		const struct bytes arguments[] = {
			bytes_of("EVAL"),
			bytes_of(last_generated),
			bytes_of("1"),
			bytes_of(tools_prefixed(tools, resize->from.names[i])),
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
	const char *name = resize->from.names[number];
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

/*
 * What is forwarded meanwhile is behind the mark on its next stream.  A message goes round twice at most:
 * once while its batch is not known, and then to the stream of its SKU.
 */
static bool await_streams(struct resize *resize)
{
	size_t count = resize->from.count, rounds = 2 * resize->from.range_count + 1;

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

/* As when the command is run again: its further streams may not be read yet. */
static bool is_set_already(const struct resize *resize)
{
	return resize->recorded && !strcmp(resize->recorded, resize->to->text);
}

static bool set_list(struct resize *resize)
{
	struct tools *tools = resize->tools;
	PGresult *row = blocking_client_query(tools_client(tools), sql_set_streams, 2,
					      (const char *const[]){resize->to->text, resize->recorded});
	bool is_set = row && strcmp(PQcmdTuples(row), "1") == 0;

	PQclear(row);
	if (!row)
		return tools_report_database(tools);
	if (!is_set)
		return tools_report(tools, STATUS_TRY_AGAIN, "nothing is changed",
				    "another program has changed the list meanwhile");
	printf("%s -> %s\n", resize->recorded ? resize->recorded : "none", resize->to->text);
	return true;
}

enum exit_status command_streams_resize(const struct invocation *invocation)
{
	struct resize resize = {
		.tools = tools_new(invocation),
		.to = &invocation->config.streams,
		.deadline = poll_deadline_in(invocation_ms(invocation, "timeout", TIMEOUT_MS)),
	};

	if (tools_open_database(resize.tools) && tools_open_redis(resize.tools) && read_list(&resize) &&
	    check_change(&resize) && (is_set_already(&resize) || await_streams(&resize)))
		set_list(&resize);
	return tools_free(&resize.tools);
}
