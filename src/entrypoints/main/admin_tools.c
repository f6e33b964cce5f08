/* What the operators' tools are composed of. */
#include "entrypoints/main/admin_tools.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/tools/bench_queries.h"
#include "adapters/postgres/tools/outbox_tools.h"
#include "adapters/postgres/tools/outcome.h"
#include "adapters/postgres/tools/rebuild.h"
#include "adapters/postgres/tools/verify.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/tools/redis_query.h"
#include "adapters/system/random.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/must.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/bootstrap.h"
#include "entrypoints/main/idle_report.h"
#include "entrypoints/main/server_urls.h"

#include <inttypes.h>
#include <string.h>

#define DATABASE_PATIENCE_MS 10000
#define EVIDENCE_PATIENCE_MS 600000 /* of ten million messages */

struct tools {
	const struct invocation *invocation;
	const struct config *config;
	enum exit_status status;
	struct codec *codec;

	struct blocking_client client;
	bool has_dialogue;

	struct url_source url;
	struct publish_once *call;
	struct redis_query *query; /* NULL until it is needed */
	char redis_error[REDIS_TROUBLE_MAX];
};

/* For events as they are kept: only reading, which each payload itself tells how. */
static const struct codec_config reading = {WIRE_JSON, WIRE_BARE, ""};

struct tools *tools_new(const struct invocation *invocation)
{
	struct tools *tools = must_alloc(sizeof *tools);

	tools->invocation = invocation;
	tools->config = &invocation->config;
	tools->codec = codec_new(&reading);
	tools->url = bootstrap_redis_url(&invocation->config);
	return tools;
}

void tools_free(struct tools **place)
{
	struct tools *tools = *place;

	if (!tools)
		return;
	if (tools->has_dialogue)
		blocking_client_end(&tools->client);
	redis_query_end(&tools->query);
	publish_once_end(&tools->call);
	codec_free(&tools->codec);
	free(tools);
	*place = NULL;
}

enum exit_status tools_status(const struct tools *tools)
{
	return tools->status;
}

static bool complain(struct tools *tools, enum exit_status status, const char *what, const char *why)
{
	print_error("%s: %s: %s", tools->invocation->command->name, what, why);
	tools->status = status;
	return false;
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
	return blocking_client_trouble_passes(client) ? STATUS_UNAVAILABLE : STATUS_FAILED;
}

static bool complain_of_database(struct tools *tools)
{
	return complain(tools, status_of(&tools->client), "the database", tools->client.text);
}

static bool check_schema(struct tools *tools)
{
	const char *why;

	switch (bootstrap_schema(tools->config, false, DATABASE_PATIENCE_MS, tools->invocation->logger,
				 tools->invocation->arena, &why)) {
	case SCHEMA_FITS:
		return true;
	case SCHEMA_AWAY:
		return complain(tools, STATUS_UNAVAILABLE, "the database cannot be reached", why);
	case SCHEMA_REFUSED:
		return complain(tools, STATUS_CONFIGURATION, "the database does not fit this program", why);
	case SCHEMA_BROKEN:
		break;
	}
	return complain(tools, STATUS_FAILED, "the database", why);
}

bool tools_open_database(struct tools *tools)
{
	struct url_source url = bootstrap_database_url(tools->config);

	if (!check_schema(tools))
		return false;
	if (tools->has_dialogue)
		blocking_client_end(&tools->client);
	tools->has_dialogue = true;
	return blocking_client_begin(&tools->client, &url, DIALOGUE_READS, DATABASE_PATIENCE_MS) ||
	       complain_of_database(tools);
}

static struct blocking_client *patient(struct tools *tools)
{
	blocking_client_be_patient(&tools->client, DATABASE_PATIENCE_MS);
	return &tools->client;
}

bool tools_find_outcomes(struct tools *tools, const char *id, struct known_outcome **outcomes, size_t *count)
{
	return postgres_find_outcomes(patient(tools), id, tools->invocation->arena, outcomes, count) ||
	       complain_of_database(tools);
}

bool tools_rebuild_view(struct tools *tools, struct rebuilding *rebuilding, rebuilding_progress *progress,
			void *context)
{
	return postgres_rebuild_view(patient(tools), rebuilding, progress, context) ||
	       complain_of_database(tools);
}

bool tools_find_events(struct tools *tools, const char *sku, struct kept_events *kept)
{
	return postgres_find_events(patient(tools), sku, kept) || complain_of_database(tools);
}

bool tools_find_unfinished(struct tools *tools, struct unfinished_work *work)
{
	return postgres_find_unfinished(patient(tools), work) || complain_of_database(tools);
}

bool tools_renew_incarnation(struct tools *tools, const char **before, const char **after)
{
	char old[INCARNATION_SIZE], fresh[INCARNATION_SIZE];

	if (!postgres_renew_incarnation(patient(tools), old, fresh))
		return complain_of_database(tools);
	*before = arena_strdup(tools->invocation->arena, old);
	*after = arena_strdup(tools->invocation->arena, fresh);
	return true;
}

/* ---- a run of bench ---- */

bool tools_count_spent(struct tools *tools, const char *run, int64_t *count)
{
	return postgres_count_spent(patient(tools), run, count) || complain_of_database(tools);
}

bool tools_find_run(struct tools *tools, const char *run, uint32_t expected, struct bench_results *evidence,
		    const struct run_listener *listener, void *context)
{
	blocking_client_be_patient(&tools->client, EVIDENCE_PATIENCE_MS);
	return postgres_find_run(&tools->client, run, expected, evidence, listener, context) ||
	       complain_of_database(tools);
}

bool tools_read_gauges(struct tools *tools, struct database_gauges *gauges)
{
	return postgres_read_gauges(patient(tools), gauges) || complain_of_database(tools);
}

/* ---- the effects of a message ---- */

struct effect_search {
	struct tools *tools;
	const char *id;
	event_told *told;
	void *context;
};

/* Tells the event when the message caused it. */
static bool tell_effect(const struct effect_search *search, struct arena *arena, const struct outgoing *event)
{
	struct codec *codec = search->tools->codec;
	struct envelope envelope;
	const char *error, *json, *cause;

	if (event->type == MSG_NONE ||
	    !codec->ops->decode(codec, event->type, event->payload, arena, &envelope, &error))
		return false;
	cause = message_text(&envelope.message, "cause");
	if (!cause || strcmp(cause, search->id) != 0 ||
	    !codec_payload_to_line(event->payload, arena, &json, &error))
		return false;
	search->told(search->context, message_name(event->type), json);
	return true;
}

static bool on_frame(void *context, struct bytes frame)
{
	struct arena *arena = arena_new(65536);
	struct outgoing *events = NULL;
	bool holds_some = false;
	size_t count = 0;

	if (!outbox_frame_decode(arena, frame, &events, &count))
		count = 0; /* which `allocd verify` tells */
	for (size_t i = 0; i < count; i++)
		holds_some |= tell_effect(context, arena, &events[i]);
	arena_free(&arena);
	return holds_some;
}

bool tools_read_effects(struct tools *tools, const char *id, const struct known_outcome *outcome,
			event_told *told, void *context)
{
	struct effect_search search = {tools, id, told, context};

	return postgres_read_effects(patient(tools), outcome, on_frame, &search) ||
	       complain_of_database(tools);
}

/* ---- verify ---- */

struct verification {
	struct codec *codec;
	struct arena *arena;
	const struct breach_listener *listener;
	void *context;
};

static void on_broken(void *context, const struct breach *breach)
{
	const struct verification *verification = context;

	verification->listener->broken(verification->context, breach);
}

static void on_more(void *context, const char *rule, int64_t count)
{
	const struct verification *verification = context;

	verification->listener->more(verification->context, rule, count);
}

/* What is wrong with an event that should be of that SKU and version, or NULL. */
static const char *event_defect(const struct verification *verification, const struct outgoing *event,
				const char *sku, int64_t version)
{
	struct codec *codec = verification->codec;
	struct envelope envelope;
	const char *error;

	if (event->type == MSG_NONE)
		return NULL; /* of a newer program */
	if (!codec->ops->decode(codec, event->type, event->payload, verification->arena, &envelope, &error))
		return arena_printf(verification->arena, "an event that cannot be read: %s", error);
	if (strcmp(message_text(&envelope.message, "sku"), sku) != 0)
		return "an event of another product";
	if (message_number(&envelope.message, "version") != version)
		return arena_printf(verification->arena, "version %" PRId64 " in place of %" PRId64,
				    message_number(&envelope.message, "version"), version);
	return NULL;
}

static const char *frame_defect(void *context, const struct kept_frame *kept)
{
	const struct verification *verification = context;
	struct outgoing *events = NULL;
	const char *defect = NULL;
	size_t count = 0;

	arena_clear(verification->arena);
	if (!outbox_frame_decode(verification->arena, kept->frame, &events, &count))
		return "bytes that are no frame";
	if ((int64_t)count != kept->last_version - kept->first_version + 1)
		return arena_printf(verification->arena, "%zu events", count);
	for (size_t i = 0; i < count && !defect; i++)
		defect = event_defect(verification, &events[i], kept->sku, kept->first_version + (int64_t)i);
	return defect;
}

bool tools_verify(struct tools *tools, const struct breach_listener *listener, void *context, size_t *rules)
{
	static const struct verifier verifier = {on_broken, on_more, frame_defect};
	struct verification verification = {tools->codec, arena_new(65536), listener, context};
	bool done = postgres_verify(patient(tools), &verifier, &verification);

	*rules = verify_rule_count;
	arena_free(&verification.arena);
	return done || complain_of_database(tools);
}

/* ---- Redis ---- */

static bool complain_of_redis(struct tools *tools)
{
	char place[REDIS_PLACE_MAX];

	redis_url_place(&tools->url, place);
	return complain(tools, STATUS_UNAVAILABLE, arena_printf(tools->invocation->arena, "Redis, %s", place),
			tools->redis_error);
}

bool tools_open_redis(struct tools *tools)
{
	tools->call =
		publish_once_begin(&tools->url, tools->config->prefix, system_random(), tools->redis_error);
	return tools->call || complain_of_redis(tools);
}

static const char *prefixed(const struct tools *tools, const char *name)
{
	return arena_printf(tools->invocation->arena, "%s%s", tools->config->prefix, name);
}

/* ---- republish ---- */

struct republishing {
	struct tools *tools;
	int64_t from_version;
	const char *channel; /* NULL: each event's own */
	int64_t count;
	bool failed;
};

static bool publish(struct republishing *republishing, struct arena *arena, const struct outgoing *event)
{
	struct tools *tools = republishing->tools;
	const char *name = republishing->channel ? republishing->channel : message_name(event->type);
	const char *channel = arena_printf(arena, "%s%s", tools->config->prefix, name);
	const struct bytes arguments[] = {bytes_of("PUBLISH"), bytes_of(channel), event->payload};
	int64_t receivers;

	if (!publish_once_number(tools->call, arguments, 3, &receivers, tools->redis_error))
		return complain_of_redis(tools);
	republishing->count++;
	return true;
}

static bool republish_frame(void *context, int64_t first_version, struct bytes frame)
{
	struct republishing *republishing = context;
	struct arena *arena = arena_new(65536);
	struct outgoing *events = NULL;
	size_t count = 0;

	republishing->failed = !outbox_frame_decode(arena, frame, &events, &count);
	if (republishing->failed)
		complain(republishing->tools, STATUS_FAILED, "the outbox",
			 "it holds bytes that are no frame");
	for (size_t i = 0; i < count && !republishing->failed; i++) {
		if (events[i].type != MSG_NONE && first_version + (int64_t)i >= republishing->from_version)
			republishing->failed = !publish(republishing, arena, &events[i]);
	}
	arena_free(&arena);
	return !republishing->failed;
}

bool tools_republish(struct tools *tools, const char *sku, int64_t from_version, const char *channel,
		     int64_t *count)
{
	struct republishing republishing = {tools, from_version, channel, 0, false};
	bool read = postgres_read_events(patient(tools), sku, from_version, republish_frame, &republishing);

	*count = republishing.count;
	return (read || complain_of_database(tools)) && !republishing.failed;
}

/* ---- quiesce ---- */

/* As text: what is random, in hexadecimal digits. */
static const char *random_token(struct arena *arena)
{
	uint64_t bits[2];

	system_random()->fill(system_random(), bits, sizeof bits);
	return arena_printf(arena, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}

bool tools_ask_whether_idle(struct tools *tools, int64_t timeout_ms, int64_t *asked, int64_t *answered)
{
	struct arena *arena = tools->invocation->arena;

	if (!tools->query)
		tools->query = redis_query_begin(&tools->url, system_random(), prefixed(tools, QUIET_CHANNEL),
						 tools->redis_error);
	if (!tools->query ||
	    !redis_query_ask(tools->query, tools->call, prefixed(tools, QUIESCE_CHANNEL), random_token(arena),
			     (int)(timeout_ms < INT32_MAX ? timeout_ms : INT32_MAX), asked, answered,
			     tools->redis_error))
		return complain_of_redis(tools);
	return true;
}

/*
 * XINFO's lists grow with the number of groups, and an id that was generated last may be that of an entry
 * that is gone: so Redis itself counts, and answers with one number.  Without the group nobody has read
 * anything yet: the worker that reads it is about to make it.
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

bool tools_count_entries(struct tools *tools, const char *stream, int64_t *count)
{
	const struct bytes arguments[] = {
		bytes_of("EVAL"),
		bytes_of(count_entries),
		bytes_of("1"),
		bytes_of(prefixed(tools, stream)),
		bytes_of(tools->config->group),
	};

	return publish_once_number(tools->call, arguments, 5, count, tools->redis_error) ||
	       complain_of_redis(tools);
}

/* INFO answers with a text; a script makes one number of it, in microseconds. */
static const char read_cpu[] =
	"local info, sum = redis.call('INFO', 'cpu'), 0\n"
	"for seconds in info:gmatch('used_cpu_%a+:([%d.]+)') do sum = sum + tonumber(seconds) end\n"
	"return math.floor(sum * 1000000)";

bool tools_read_redis_cpu(struct tools *tools, double *seconds)
{
	const struct bytes arguments[] = {bytes_of("EVAL"), bytes_of(read_cpu), bytes_of("0")};
	int64_t us = 0;

	if (!publish_once_number(tools->call, arguments, 3, &us, tools->redis_error))
		return complain_of_redis(tools);
	*seconds = (double)us / 1e6;
	return true;
}
