/* `allocd republish`: publishes a SKU's events again. */
#include "adapters/postgres/tools/outbox_tools.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/system/instants.h"
#include "bus/publishing/predecessors.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/must.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/replay/replay_report.h"

#include <inttypes.h>
#include <jansson.h>

/* Between two objects of progress. */
#define PROGRESS_US (200 * 1000)

static enum exit_status refuse(const char *sku, const char *reason)
{
	print_error("republish: %s: %s", sku, reason);
	return STATUS_FAILED;
}

/* Refuses when some of the events are missing: the consumer would believe that it got all of them. */
static enum exit_status examine(const struct invocation *invocation, const char *sku, int64_t from,
				const struct kept_events *kept)
{
	struct arena *arena = invocation->arena;

	if (!kept->exists)
		return refuse(sku, "there is no such SKU");
	if (from > kept->version)
		return refuse(sku, arena_printf(arena,
						"there is no event from version %" PRId64
						" on: the last one is %" PRId64,
						from, kept->version));
	if (kept->first_kept == 0)
		return refuse(sku, "its events are not kept any more");
	if (from < kept->first_kept)
		return refuse(sku, arena_printf(arena,
						"events before version %" PRId64
						" are not kept any more: --from-version %" PRId64
						" publishes what is left",
						kept->first_kept, kept->first_kept));
	return STATUS_DONE;
}

/* ---- publishing ---- */

struct republishing {
	struct tools *tools;
	int64_t from_version;
	int64_t next;        /* version of the event after those that were read */
	const char *channel; /* NULL: each event goes to the channel of its name */
	struct replay_progress progress;
	bool shows_progress;
	int64_t shown_us; /* when progress was printed last */
	bool failed;
};

static void print_progress(struct republishing *republishing)
{
	replay_progress_print(&republishing->progress, stdout);
	fflush(stdout);
	republishing->shown_us = monotonic_us();
}

static bool publish_one(struct republishing *republishing, struct arena *arena, const struct outgoing *event)
{
	struct tools *tools = republishing->tools;
	const char *name = republishing->channel ? republishing->channel : message_name(event->type);
	const char *channel = arena_printf(arena, "%s%s", tools->invocation->config.prefix, name);
	const struct bytes arguments[] = {bytes_of("PUBLISH"), bytes_of(channel), event->payload};
	int64_t receivers;

	return redis_client_number(tools->redis, arguments, 3, &receivers, tools->redis_error) ||
	       tools_report_redis(tools);
}

/*
 * Publishes the event, and its predecessors behind it, as the worker does.  With --channel it goes out alone:
 * a bare event does not say its name, so a consumer could not pass over the name that it does not know.
 */
static bool publish_event(struct republishing *republishing, struct arena *arena, struct outgoing *event)
{
	const struct predecessor_maker maker = {event_predecessors, republishing->tools->codec,
						republishing->tools->invocation->logger};
	size_t count = 1;

	if (!republishing->channel)
		predecessors_insert(&maker, arena, &event, &count);
	for (size_t i = 0; i < count; i++) {
		if (!publish_one(republishing, arena, &event[i]))
			return false;
	}
	republishing->progress.handled++;
	if (republishing->shows_progress && monotonic_us() - republishing->shown_us >= PROGRESS_US)
		print_progress(republishing);
	return true;
}

static bool publish_frame(void *context, int64_t first_version, struct bytes frame)
{
	struct republishing *republishing = context;
	struct arena *arena = arena_new(65536);
	struct outgoing *events = NULL;
	size_t count = 0;

	republishing->failed = !outbox_frame_decode(arena, frame, &events, &count) || !count ||
			       first_version > republishing->next;
	if (republishing->failed)
		tools_report(republishing->tools, STATUS_FAILED, "the outbox",
			     arena_printf(arena,
					  "the events from version %" PRId64
					  " on are missing or damaged: see `allocd verify`",
					  republishing->next));
	republishing->next = first_version + (int64_t)count;
	for (size_t i = 0; i < count && !republishing->failed; i++) {
		if (events[i].type != MSG_NONE && first_version + (int64_t)i >= republishing->from_version)
			republishing->failed = !publish_event(republishing, arena, &events[i]);
	}
	arena_free(&arena);
	return !republishing->failed;
}

/* Publishes the events from that version on, in order, and prints how many were published. */
static void publish_all(struct tools *tools, const char *sku, int64_t from_version, int64_t version)
{
	struct republishing republishing = {
		.tools = tools,
		.from_version = from_version,
		.next = from_version,
		.channel = invocation_option(tools->invocation, "channel"),
		.progress.total = version - from_version + 1,
		.shows_progress = invocation_flag(tools->invocation, "progress"),
	};

	if (republishing.shows_progress)
		print_progress(&republishing);
	if (!postgres_read_events(tools_client(tools), sku, from_version, publish_frame, &republishing))
		tools_report_database(tools);
	if (republishing.shows_progress)
		print_progress(&republishing);
	else if (invocation_flag(tools->invocation, "json"))
		json_line_print(must(json_pack("{s:s, s:I}", "sku", sku, "published",
					       (json_int_t)republishing.progress.handled)),
				stdout);
	else
		printf("%" PRId64 " events published\n", republishing.progress.handled);
}

static void republish(const struct invocation *invocation, struct tools *tools)
{
	const char *sku = invocation_option(invocation, "sku");
	int64_t from = invocation_number(invocation, "from-version", 1);
	struct kept_events kept;

	from = from < 1 ? 1 : from;
	if (!tools_open_database(tools) ||
	    !(postgres_find_events(tools_client(tools), sku, &kept) || tools_report_database(tools)))
		return;
	tools->status = examine(invocation, sku, from, &kept);
	if (tools->status == STATUS_DONE && tools_open_redis(tools))
		publish_all(tools, sku, from, kept.version);
}

enum exit_status command_republish(const struct invocation *invocation)
{
	struct tools *tools = tools_new(invocation);

	republish(invocation, tools);
	return tools_free(&tools);
}
