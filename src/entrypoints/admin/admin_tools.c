/* The parts that operators' commands share: connections to the database and to Redis, and error reports. */
#include "entrypoints/admin/admin_tools.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/postgres.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/tools/redis_query.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/idle_report.h"
#include "entrypoints/main/server_urls.h"

#include <string.h>

#define ANSWER_MS 10000

struct tools *tools_new(const struct invocation *invocation)
{
	static const struct codec_config reading = {CODEC_JSON, CODEC_BARE, ""};
	struct tools *tools = must_alloc(sizeof *tools);

	tools->invocation = invocation;
	tools->codec = codec_new(&reading);
	tools->redis_url = redis_url(&invocation->config);
	return tools;
}

enum exit_status tools_free(struct tools **place)
{
	struct tools *tools = *place;
	enum exit_status status = tools->status;

	if (tools->has_client)
		blocking_client_close(&tools->client);
	redis_query_end(&tools->query);
	redis_client_close(&tools->redis);
	codec_free(&tools->codec);
	free(tools);
	*place = NULL;
	return status;
}

bool tools_report(struct tools *tools, enum exit_status status, const char *what, const char *why)
{
	print_error("%s%s: %s", command_prefix(tools->invocation), what, why);
	tools->status = status;
	return false;
}

const char *tools_prefixed(const struct tools *tools, const char *name)
{
	return arena_printf(tools->invocation->arena, "%s%s", tools->invocation->config.prefix, name);
}

/* ---- the database ---- */

static enum exit_status status_of(const struct blocking_client *client)
{
	static const char *const contention[] = {"40", "55"};

	for (size_t i = 0; i < sizeof contention / sizeof contention[0]; i++) {
		if (strncmp(client->sqlstate, contention[i], strlen(contention[i])) == 0)
			return STATUS_TRY_AGAIN;
	}
	if (client->defect)
		return STATUS_CONFIGURATION;
	return blocking_client_may_retry(client) ? STATUS_UNAVAILABLE : STATUS_FAILED;
}

bool tools_report_database(struct tools *tools)
{
	return tools_report(tools, status_of(&tools->client), "the database", tools->client.text);
}

static bool check_schema(struct tools *tools, const struct url_source *url)
{
	char text[SCHEMA_TEXT_SIZE] = "";

	switch (postgres_check_schema(url, ANSWER_MS, NULL, text)) {
	case SCHEMA_READY:
		return true;
	case SCHEMA_UNREACHABLE:
		return tools_report(tools, STATUS_UNAVAILABLE, "the database cannot be reached", text);
	case SCHEMA_INCOMPATIBLE:
		return tools_report(tools, STATUS_CONFIGURATION, "the database does not fit this program",
				    text);
	case SCHEMA_FAILED:
		break;
	}
	return tools_report(tools, STATUS_FAILED, "the database", text);
}

bool tools_open_database(struct tools *tools)
{
	struct url_source url = database_url(&tools->invocation->config);

	if (!check_schema(tools, &url))
		return false;
	if (tools->has_client)
		blocking_client_close(&tools->client);
	tools->has_client = true;
	return blocking_client_connect(&tools->client, &url, CLIENT_READS, ANSWER_MS) ||
	       tools_report_database(tools);
}

struct blocking_client *tools_client(struct tools *tools)
{
	blocking_client_set_deadline(&tools->client, ANSWER_MS);
	return &tools->client;
}

/* ---- Redis ---- */

bool tools_report_redis(struct tools *tools)
{
	char place[REDIS_ADDRESS_MAX];

	redis_url_address(&tools->redis_url, place);
	return tools_report(tools, STATUS_UNAVAILABLE,
			    arena_printf(tools->invocation->arena, "Redis, %s", place), tools->redis_error);
}

bool tools_open_redis(struct tools *tools)
{
	tools->redis = redis_client_connect(&tools->redis_url, tools->invocation->config.prefix,
					    system_random(), tools->redis_error);
	return tools->redis || tools_report_redis(tools);
}

/*
 * Counts in Redis and returns one number, because the reply of XINFO grows with the number of groups, and the
 * entry of the last generated id may be gone.  If the group does not exist, the worker is about to create it,
 * and no entry was read yet.
 */
static const char count_entries[] =
	"local key, group, up_to = KEYS[1], ARGV[1], ARGV[2]\n"
	"if redis.call('TYPE', key).ok ~= 'stream' then return 0 end\n"
	"for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do\n"
	"	local field = {}\n"
	"	for i = 1, #info, 2 do field[info[i]] = info[i + 1] end\n"
	"	if field.name == group then\n"
	"		local after = '(' .. field['last-delivered-id']\n"
	"		return #redis.call('XPENDING', key, group, '-', up_to, 1000) +\n"
	"			#redis.call('XRANGE', key, after, up_to, 'COUNT', 1000)\n"
	"	end\n"
	"end\n"
	"return #redis.call('XRANGE', key, '-', up_to, 'COUNT', 1000)";

bool tools_count_entries(struct tools *tools, const char *stream, const char *up_to, int64_t *count)
{
	const struct bytes arguments[] = {
		bytes_of("EVAL"),
		bytes_of(count_entries),
		bytes_of("1"),
		bytes_of(tools_prefixed(tools, stream)),
		bytes_of(tools->invocation->config.group),
		bytes_of(up_to),
	};

	return redis_client_number(tools->redis, arguments, 6, count, tools->redis_error) ||
	       tools_report_redis(tools);
}

bool tools_ask_whether_idle(struct tools *tools, int64_t timeout_ms, int64_t *asked, int64_t *answered)
{
	if (!tools->query)
		tools->query = redis_query_begin(&tools->redis_url, system_random(),
						 tools_prefixed(tools, IDLE_CHANNEL), tools->redis_error);
	if (!tools->query ||
	    !redis_query_ask(tools->query, tools->redis, tools_prefixed(tools, QUIESCE_CHANNEL),
			     random_name(system_random(), tools->invocation->arena),
			     (int)(timeout_ms < INT32_MAX ? timeout_ms : INT32_MAX), asked, answered,
			     tools->redis_error))
		return tools_report_redis(tools);
	return true;
}
