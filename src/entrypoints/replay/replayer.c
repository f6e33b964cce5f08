/* Puts the worker's engine and stores together for one message at a time. */
#include "entrypoints/replay/replayer.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/postgres.h"
#include "adapters/postgres/tools/blocking_client.h"
#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/system/clock.h"
#include "adapters/system/log_notifier.h"
#include "adapters/system/random.h"
#include "core/base/must.h"
#include "entrypoints/main/server_urls.h"
#include "entrypoints/main/setup.h"

enum { REPLAY_STORES = 3 };

/* A dry run copies each product that it changes: one with very many lines takes minutes. */
#define DRY_RUN_TIMEOUT_MS (5 * 60 * 1000 + 5000)

#define QUEUE_BYTES ((size_t)1024 * 1024)

struct replayer {
	const struct config *config;
	struct logger *logger;
	struct event_base *base;
	struct system_clock clock;
	struct codec *codec;
	struct notifier *notifier;
	struct postgres_store *stores[REPLAY_STORES];
	size_t store_count;
	struct dry_run_store *dry_run; /* NULL: not a dry run */
	struct dry_run_outbox *outbox; /* of a dry run, as is the broker */
	struct dry_run_broker *broker;
	struct redis_settings redis;
	struct redis_publisher *publisher; /* NULL: a dry run */
	struct engine *engine;
};

bool replayer_can_dry_run(const struct config *config, int timeout_ms, struct arena *arena,
			  const char **error, enum exit_status *status)
{
	struct url_source url = database_url(config);
	struct blocking_client client;
	bool can;

	if (!url.pooled)
		return true; /* connecting has already failed if there is a pooler */
	can = blocking_client_connect(&client, &url, CLIENT_DRY_RUNS, timeout_ms);

	*error = arena_strdup(arena, client.text);
	*status = client.defect ? STATUS_CONFIGURATION : STATUS_UNAVAILABLE;
	blocking_client_close(&client);
	return can;
}

/* ---- the ports ---- */

static struct postgres_store *make_store(struct replayer *replayer, const char *name, bool is_dry_run)
{
	const struct postgres_config postgres = {
		.base = replayer->base,
		.url = database_url(replayer->config),
		.logger = replayer->logger,
		.inbox_days = replayer->config->inbox_days,
		.dead_letters_max = replayer->config->dead_letters_max,
		.answer_timeout_ms = is_dry_run ? DRY_RUN_TIMEOUT_MS : 0,
		.is_dry_run = is_dry_run,
	};

	return replayer->stores[replayer->store_count++] = postgres_store_new(&postgres, name);
}

static void make_ports(struct replayer *replayer, struct engine_ports *ports)
{
	struct postgres_store *intake;

	const struct config *config = replayer->config;

	replayer->redis = (struct redis_settings){
		.base = replayer->base,
		.url = redis_url(config),
		.random = system_random(),
		.logger = replayer->logger,
		.demands.prefix = config->prefix,
	};
	replayer->publisher =
		redis_publisher_new(&replayer->redis, &(struct redis_publisher_config){
							      .name = "allocd-replay",
							      .prefix = config->prefix,
							      .event_stream = config->event_stream,
						      });
	ports->broker = redis_publisher_broker(replayer->publisher);
	ports->lane_stores[0] = postgres_unit_store(make_store(replayer, "lane", false));
	ports->outbox_store = postgres_outbox_store(make_store(replayer, "publisher", false));
	intake = make_store(replayer, "intake", false);
	ports->batch_directory = postgres_batch_directory(intake);
	ports->process_store = postgres_process_store(intake);
}

/*
 * The intake and the lane share the only session that sees the effects of the dry run: with one message at a
 * time, their calls do not overlap, because the intake asks first.
 */
static void make_dry_run_ports(struct replayer *replayer, struct engine_ports *ports, unit_shown *show,
			       void *context)
{
	struct postgres_store *store = make_store(replayer, "dry run", true);
	struct clock *clock = &replayer->clock.clock;

	replayer->dry_run = dry_run_store_new(postgres_unit_store(store), clock, show, context);
	replayer->outbox = dry_run_outbox_new(clock);
	replayer->broker = dry_run_broker_new(clock);
	ports->broker = dry_run_broker_port(replayer->broker);
	ports->lane_stores[0] = dry_run_store_port(replayer->dry_run);
	ports->batch_directory = postgres_batch_directory(store);
	ports->process_store = postgres_process_store(store);
	ports->outbox_store = dry_run_outbox_port(replayer->outbox);
}

/* ---- its life ---- */

struct replayer *replayer_new(struct event_base *base, const struct config *config, struct logger *logger,
			      bool is_dry_run, unit_shown *show, void *context)
{
	struct replayer *replayer = must_alloc(sizeof *replayer);
	struct engine_ports ports = {0};

	*replayer = (struct replayer){.config = config, .logger = logger, .base = base};
	system_clock_init(&replayer->clock, base);
	replayer->codec = setup_codec_new(config);
	replayer->notifier = log_notifier_new(base, logger);
	if (is_dry_run)
		make_dry_run_ports(replayer, &ports, show, context);
	else
		make_ports(replayer, &ports);
	ports.codec = replayer->codec;
	ports.predecessors = event_predecessors;
	ports.notifier = replayer->notifier;
	ports.clock = &replayer->clock.clock;
	ports.random = system_random();
	ports.logger = logger;
	replayer->engine = engine_new(&ports, &(struct engine_config){
						      .unit_max = 1,
						      .move_max = MOVE_MAX_DEFAULT,
						      .lanes = 1,
						      .queue_max = 1,
						      .queue_bytes = QUEUE_BYTES,
						      .no_chores = true,
						      .needs_no_broker = true,
						      .is_dry_run = is_dry_run,
						      .committed = is_dry_run ? NULL : show,
						      .committed_context = context,
					      });
	engine_start(replayer->engine);
	return replayer;
}

struct engine *replayer_engine(struct replayer *replayer)
{
	return replayer->engine;
}

bool replayer_lost_dry_run(const struct replayer *replayer)
{
	return replayer->dry_run && postgres_unit_store(replayer->stores[0])->sessions_lost;
}

/* Frees everything that may call the engine back before the engine. */
void replayer_free(struct replayer **place)
{
	struct replayer *replayer = *place;

	if (!replayer)
		return;
	redis_publisher_free(&replayer->publisher);
	dry_run_store_free(&replayer->dry_run);
	dry_run_outbox_free(&replayer->outbox);
	dry_run_broker_free(&replayer->broker);
	while (replayer->store_count > 0)
		postgres_store_free(&replayer->stores[--replayer->store_count]);
	log_notifier_free(&replayer->notifier);
	engine_free(&replayer->engine);
	codec_free(&replayer->codec);
	free(replayer);
	*place = NULL;
}
