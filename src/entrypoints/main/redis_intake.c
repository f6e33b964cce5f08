/* Commands from Redis: the adapters of the subscription and of the streams, and how they are connected. */
#include "entrypoints/main/redis_intake.h"

#include "adapters/redis/stream/redis_stream.h"
#include "adapters/redis/subscriber/heartbeat.h"
#include "adapters/redis/subscriber/redis_subscriber.h"
#include "adapters/system/instants.h"
#include "adapters/system/random.h"
#include "bus/intake/admission.h"
#include "bus/intake/leased_stream.h"
#include "bus/intake/stream_reader.h"
#include "bus/intake/subscription_gaps.h"
#include "bus/subscription/leased_subscription.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/main/idle_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Channels besides those of the commands, without the configured prefix. */
enum signal_channel { SIGNAL_HEARTBEAT, SIGNAL_QUIESCE };

static const char *const signal_names[] = {
	[SIGNAL_HEARTBEAT] = HEARTBEAT_CHANNEL,
	[SIGNAL_QUIESCE] = QUIESCE_CHANNEL,
};

struct stream_intake {
	struct redis_stream *stream;
	struct stream_reader *reader;
	struct stream_route route;
	struct leased_stream leased;
};

struct redis_intake {
	struct redis_intake_parts parts;
	struct arena *arena; /* holds the worker's name and stream keys */
	const char *name;
	struct admission admission;

	struct redis_subscriber *subscriber;
	struct leased_subscription *subscription;
	struct heartbeat *heartbeat;
	struct idle_report *idle_report;
	struct subscription_gaps *gaps;
	uint64_t gap_count; /* times that the subscription was lost */
	int64_t gap_us;     /* total length of the gaps that have ended */
	bool is_in_gap;
	int64_t gap_since;

	struct checkpoints *checkpoints;
	struct lease_store *leases;
	struct lease_keeper *keeper;
	bool is_stopped;
	struct stream_list keys; /* of the streams, with the prefix */
	struct stream_intake streams[STREAMS_MAX];
	size_t stream_count;
};

/* ---- pub/sub ---- */

static void pause_subscriber(void *context)
{
	const struct redis_intake *intake = context;

	if (intake->subscriber)
		redis_subscriber_pause(intake->subscriber);
}

static void resume_subscriber(void *context)
{
	const struct redis_intake *intake = context;

	if (intake->subscriber)
		redis_subscriber_resume(intake->subscriber);
}

static const char *publish_marker(void *context)
{
	const struct redis_intake *intake = context;

	return intake->heartbeat && !*redis_publisher_signal_refusal(intake->parts.publisher)
		       ? heartbeat_mark(intake->heartbeat)
		       : NULL;
}

static void pause_pubsub(void *source)
{
	leased_subscription_pause(source);
}

static void resume_pubsub(void *source)
{
	leased_subscription_resume(source);
}

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	struct redis_intake *intake = context;

	leased_subscription_hear(intake->subscription, type, channel, payload, true_size);
}

static void on_signal(void *context, size_t index, struct bytes payload)
{
	struct redis_intake *intake = context;

	if (index == SIGNAL_QUIESCE) {
		idle_report_ask(intake->idle_report, payload);
		return;
	}
	heartbeat_received(intake->heartbeat, payload);
	if (heartbeat_is_marker(payload))
		leased_subscription_hear_marker(intake->subscription, payload);
}

static void on_up(void *context, const struct subscription_gap *gap)
{
	struct redis_intake *intake = context;
	int64_t gap_us = gap->until - gap->since;

	leased_subscription_up(intake->subscription, redis_subscriber_run_id(intake->subscriber));
	lease_keeper_check(intake->keeper);
	heartbeat_connected(intake->heartbeat);
	subscription_gaps_end(intake->gaps, gap);
	if (gap->is_first)
		return;
	intake->is_in_gap = false;
	intake->gap_us += gap_us;
	LOG(intake->parts.logger, LOG_WARN, "commands on Redis were not received for a time",
	    LOG_NUMBER("ms", gap_us / 1000), LOG_TEXT("error", gap->cause));
}

static void on_down(void *context, int64_t since, const char *cause)
{
	struct redis_intake *intake = context;

	intake->gap_count++;
	intake->is_in_gap = true;
	intake->gap_since = since;
	leased_subscription_down(intake->subscription);
	subscription_gaps_begin(intake->gaps, since, cause);
}

static void make_subscriber(struct redis_intake *intake)
{
	static const struct redis_listener listener = {
		.message = on_message, .signal = on_signal, .up = on_up, .down = on_down};

	intake->subscriber =
		redis_subscriber_new(intake->parts.redis,
				     &(struct redis_subscriber_config){
					     .name = "allocd-subscriber",
					     .prefix = intake->parts.config->prefix,
					     .types = command_types,
					     .count = COMMAND_TYPES,
					     .signals = signal_names,
					     .signal_count = sizeof signal_names / sizeof signal_names[0],
				     },
				     &listener, intake);
	intake->heartbeat = heartbeat_new(intake->parts.redis, intake->parts.publisher, intake->subscriber);
}

static void make_subscription(struct redis_intake *intake)
{
	intake->subscription = leased_subscription_new(&(struct subscription_ports){
		.engine = intake->parts.engine,
		.admission = &intake->admission,
		.keeper = intake->keeper,
		.checkpoints = intake->checkpoints,
		.codec = intake->parts.codec,
		.clock = intake->parts.clock,
		.logger = intake->parts.logger,
		.mark = publish_marker,
		.pause = pause_subscriber,
		.resume = resume_subscriber,
		.context = intake,
	});
	admission_add(&intake->admission,
		      &(struct admission_valve){pause_pubsub, resume_pubsub, intake->subscription,
						.is_durable = false});
}

void redis_intake_publisher_is_up(struct redis_intake *intake)
{
	if (intake->heartbeat)
		heartbeat_connected(intake->heartbeat);
}

/* ---- the idle report ---- */

static bool is_idle(void *context)
{
	const struct redis_intake *intake = context;

	return engine_is_idle(intake->parts.engine) && redis_intake_is_idle(intake);
}

static void answer_idle(void *context, struct bytes token)
{
	const struct redis_intake *intake = context;

	redis_publisher_signal(intake->parts.publisher, IDLE_CHANNEL, token);
}

/* ---- streams ---- */

static void pause_stream(void *source)
{
	stream_reader_pause(source);
}

static void resume_stream(void *source)
{
	stream_reader_resume(source);
}

/* A connection of a stream is up: the lease is to name it before anything is read over it. */
static void on_stream_connected(void *context)
{
	const struct redis_intake *intake = context;

	lease_keeper_check(intake->keeper);
}

static void add_stream(struct redis_intake *intake, size_t place)
{
	const struct config *config = intake->parts.config;
	const char *key = intake->keys.names[place];
	struct stream_intake *source = &intake->streams[intake->stream_count++];

	source->route = (struct stream_route){&intake->keys, place};
	source->stream = redis_stream_new(intake->parts.redis, &(struct redis_stream_config){
								       .name = "allocd-stream",
								       .key = key,
								       .group = config->group,
								       .consumer = intake->name,
								       .connected = on_stream_connected,
								       .context = intake,
							       });
	source->reader = stream_reader_new(
		&(struct stream_reader_ports){
			.stream = redis_stream_port(source->stream),
			.checkpoints = intake->checkpoints,
			.clock = intake->parts.clock,
			.random = system_random(),
			.logger = intake->parts.logger,
			.engine = intake->parts.engine,
			.keeper = intake->keeper,
		},
		/* While the inbox keeps an entry, handling the entry again has no second effect. */
		&(struct stream_reader_config){
			.name = key,
			.retention_ms = INT64_C(86400000) * config->inbox_days,
			.route = stream_list_has_in_range(&intake->keys, place) ? &source->route : NULL,
		});
	admission_add(&intake->admission, &(struct admission_valve){pause_stream, resume_stream,
								    source->reader, .is_durable = true});
	source->leased = (struct leased_stream){
		.name = key,
		.stream = redis_stream_port(source->stream),
		.reader = source->reader,
		.engine = intake->parts.engine,
	};
	leased_stream_add(intake->keeper, &source->leased);
}

static void make_keeper(struct redis_intake *intake)
{
	intake->leases = postgres_leases_new(intake->parts.postgres);
	intake->keeper = lease_keeper_new(
		&(struct lease_keeper_ports){
			.store = intake->leases,
			.clock = intake->parts.clock,
			.random = system_random(),
			.logger = intake->parts.logger,
		},
		intake->name);
	for (int i = 0; i < COMMAND_TYPES; i++)
		lease_keeper_add_message(intake->keeper, message_name(command_types[i]));
}

/* ---- its life ---- */

const char *redis_intake_worker_name(const struct config *config, struct arena *arena)
{
	const struct listen_address *http = &config->http;
	char host[256];

	if (gethostname(host, sizeof host) < 0)
		snprintf(host, sizeof host, "allocd");
	host[sizeof host - 1] = '\0';
	return http->host ? arena_printf(arena, "%s:%u", host, http->port) : arena_strdup(arena, host);
}

struct redis_intake *redis_intake_new(const struct redis_intake_parts *parts)
{
	struct redis_intake *intake = must_alloc(sizeof *intake);

	intake->parts = *parts;
	intake->arena = arena_new(1024);
	intake->name = redis_intake_worker_name(parts->config, intake->arena);
	admission_init(&intake->admission, parts->engine);
	intake->checkpoints = postgres_checkpoints_new(parts->postgres);
	intake->gaps =
		subscription_gaps_new(intake->checkpoints, parts->clock, system_random(), parts->logger);
	intake->idle_report =
		idle_report_new(parts->clock, &(struct idle_report_worker){is_idle, answer_idle, intake});
	make_keeper(intake);
	make_subscription(intake);
	make_subscriber(intake);
	intake->keys = parts->config->streams;
	for (size_t i = 0; i < intake->keys.count; i++)
		intake->keys.names[i] =
			arena_printf(intake->arena, "%s%s", parts->config->prefix, intake->keys.names[i]);
	lease_keeper_add_streams(intake->keeper, &intake->keys, parts->config->prefix);
	for (size_t i = 0; i < intake->keys.count; i++)
		add_stream(intake, i);
	lease_keeper_start(intake->keeper);
	return intake;
}

static void free_subscriber(struct redis_intake *intake)
{
	heartbeat_free(&intake->heartbeat);
	redis_subscriber_free(&intake->subscriber);
	idle_report_free(&intake->idle_report);
}

void redis_intake_stop(struct redis_intake *intake)
{
	/* Another worker that listens continues at a marker, which this one has to receive, too. */
	if (!leased_subscription_has_company(intake->subscription))
		free_subscriber(intake);
	intake->is_stopped = true;
	lease_keeper_stop(intake->keeper);
}

/* Frees callers before what they call. */
void redis_intake_free(struct redis_intake **place)
{
	struct redis_intake *intake = *place;

	if (!intake)
		return;
	admission_stop(&intake->admission);
	free_subscriber(intake);
	postgres_checkpoints_free(&intake->checkpoints);
	postgres_leases_free(&intake->leases);
	lease_keeper_free(&intake->keeper);
	leased_subscription_free(&intake->subscription);
	for (size_t i = 0; i < intake->stream_count; i++) {
		redis_stream_free(&intake->streams[i].stream);
		stream_reader_free(&intake->streams[i].reader);
	}
	subscription_gaps_free(&intake->gaps);
	arena_free(&intake->arena);
	free(intake);
	*place = NULL;
}

bool redis_intake_is_idle(const struct redis_intake *intake)
{
	for (size_t i = 0; i < intake->stream_count; i++) {
		if (!stream_reader_is_idle(intake->streams[i].reader))
			return false;
	}
	return intake->is_stopped ? lease_keeper_has_left(intake->keeper)
				  : leased_subscription_is_idle(intake->subscription);
}

size_t redis_intake_unacknowledged(const struct redis_intake *intake)
{
	size_t count = 0;

	for (size_t i = 0; i < intake->stream_count; i++)
		count += stream_reader_stats(intake->streams[i].reader)->in_flight;
	return count;
}

/* ---- its state ---- */

static bool is_subscribed(const struct redis_intake *intake)
{
	return intake->subscriber && redis_subscriber_is_up(intake->subscriber);
}

/* Before the first connection the duration is unknown and reported as 0. */
static struct report report_subscription(const struct redis_intake *intake)
{
	const char *cause = redis_intake_connection_trouble(intake);

	return (struct report){!is_subscribed(intake), cause ? cause : "not connected yet",
			       intake->is_in_gap ? (wall_clock_us() - intake->gap_since) / 1000 : 0};
}

static struct report report_heartbeat(const struct redis_intake *intake)
{
	const char *refusal = redis_publisher_signal_refusal(intake->parts.publisher);

	return (struct report){!heartbeat_is_fresh(intake->heartbeat) || *refusal, refusal,
			       heartbeat_received_ms_ago(intake->heartbeat)};
}

/* A lease that no worker has taken for this long after another one had it is not being handed over. */
#define HANDOVER_MS 2000

/* A reader that keeps up reads an entry within moments. */
#define BEHIND_MS 10000

static void observe_lag(const struct redis_intake *intake, size_t i, struct observation *observation,
			struct arena *arena)
{
	const struct stream_reader *reader = intake->streams[i].reader;
	int64_t behind_ms = stream_reader_behind_ms(reader), lag = stream_reader_stats(reader)->lag;

	if (behind_ms < BEHIND_MS || behind_ms <= observation->behind.for_ms)
		return;
	observation->behind = (struct report){
		true,
		arena_printf(arena, "entries of stream %s have waited for %lld s to be read%s",
			     intake->parts.config->streams.names[i], (long long)behind_ms / 1000,
			     lag > 0 ? arena_printf(arena, " (%lld are unread)", (long long)lag) : ""),
		behind_ms};
}

/* Another worker reads the stream, or no worker is to read it yet. */
static bool is_not_ours(const struct redis_intake *intake, const struct stream_intake *source)
{
	return lease_keeper_is_elsewhere(intake->keeper, &source->leased) ||
	       lease_keeper_is_to_come(intake->keeper, &source->leased);
}

/* Streams that another worker reads, or is about to read, are its own trouble. */
static void observe_stream(const struct redis_intake *intake, size_t i, struct observation *observation,
			   struct arena *arena)
{
	const struct stream_intake *source = &intake->streams[i];
	int64_t moved_ms_ago = lease_keeper_moved_ms_ago(intake->keeper, &source->leased);
	struct engine_trouble trouble;
	enum stream_trouble kind;

	if (is_not_ours(intake, source))
		return;
	observe_lag(intake, i, observation, arena);
	kind = stream_reader_trouble(source->reader, arena, &trouble);
	if (kind == STREAM_IS_FINE || observation->streams[kind].is_bad)
		return;
	if (kind == STREAM_UNREAD && moved_ms_ago < HANDOVER_MS)
		return;
	observation->streams[kind] = (struct report){
		true,
		arena_printf(arena, "stream %s %s", intake->parts.config->streams.names[i], trouble.text),
		trouble.for_ms < moved_ms_ago ? trouble.for_ms : moved_ms_ago};
	if (kind == STREAM_UNREAD)
		observation->is_lease_lost = lease_keeper_lost(intake->keeper, &source->leased);
}

static void observe_troubles(const struct redis_intake *intake, struct observation *observation,
			     struct arena *arena)
{
	const char *publisher = redis_publisher_trouble(intake->parts.publisher);

	observation->subscription = report_subscription(intake);
	observation->publisher =
		(struct report){publisher, publisher, heartbeat_received_ms_ago(intake->heartbeat)};
	observation->heartbeat = report_heartbeat(intake);
	for (size_t i = 0; i < intake->stream_count; i++)
		observe_stream(intake, i, observation, arena);
}

static enum input_lease lease_of(const struct redis_intake *intake, const void *it)
{
	if (lease_keeper_has(intake->keeper, it))
		return INPUT_IS_HERE;
	return lease_keeper_is_elsewhere(intake->keeper, it) ? INPUT_IS_ELSEWHERE : INPUT_IS_NOWHERE;
}

/* Ids of entries that a publisher chose may name no time. */
static int64_t added_us(uint64_t ms)
{
	int64_t us = ms && ms != UINT64_MAX ? stream_id_instant((struct stream_id){ms, 0}) : NO_INSTANT;

	return us == NO_INSTANT ? 0 : us;
}

static void observe_inputs(const struct redis_intake *intake, struct observation *observation)
{
	struct status_input *input = observation->inputs;

	*input++ = (struct status_input){.kind = "pubsub",
					 .name = PUBSUB_LEASE,
					 .lease = lease_of(intake, intake->subscription),
					 .is_read = is_subscribed(intake)};
	for (size_t i = 0; i < intake->stream_count; i++) {
		const struct stream_intake *source = &intake->streams[i];
		const struct stream_reader_stats *stats = stream_reader_stats(source->reader);

		*input++ = (struct status_input){.kind = "stream",
						 .name = source->leased.name,
						 .lease = lease_of(intake, &source->leased),
						 .is_read = stats->is_reading,
						 .read = stats->read,
						 .in_flight = stats->in_flight,
						 .pending = stats->pending,
						 .lost = stats->lost,
						 .lag = stats->is_reading || stats->is_draining ? stats->lag
												: -1,
						 .pending_since_us = added_us(stats->first_pending_ms),
						 .unread_since_us = added_us(stats->first_unread_ms)};
	}
	observation->input_count = (size_t)(input - observation->inputs);
}

static uint64_t leases_of(const struct redis_intake *intake, const struct observation *observation,
			  const char *worker)
{
	uint64_t leases = 0;

	for (size_t i = 0; i < observation->input_count; i++) {
		const char *holder = lease_keeper_holder(intake->keeper, observation->inputs[i].name);

		if (holder && !strcmp(holder, worker))
			leases |= UINT64_C(1) << i;
	}
	return leases;
}

static void observe_replicas(const struct redis_intake *intake, struct observation *observation,
			     struct arena *arena)
{
	struct status_replica *replica;
	struct known_worker worker;

	if (!lease_keeper_worker(intake->keeper, 0, &worker))
		return;
	observation->replicas = arena_alloc(arena, STATUS_REPLICAS_MAX * sizeof *observation->replicas);
	for (size_t i = 0; lease_keeper_worker(intake->keeper, i, &worker); i++) {
		if (!worker.is_alive || observation->replica_count == STATUS_REPLICAS_MAX)
			continue;
		replica = &observation->replicas[observation->replica_count++];
		utf8_format(replica->name, sizeof replica->name, "%s", worker.name);
		replica->is_this = worker.is_self;
		replica->leases = leases_of(intake, observation, worker.id);
	}
}

void redis_intake_observe(const struct redis_intake *intake, struct observation *observation,
			  struct arena *arena)
{
	observe_inputs(intake, observation);
	observe_replicas(intake, observation, arena);
	if (!intake->is_stopped)
		observe_troubles(intake, observation, arena);
}

const char *redis_intake_connection_trouble(const struct redis_intake *intake)
{
	const char *trouble =
		intake->subscriber ? redis_subscriber_trouble(intake->subscriber) : "the intake is stopped";

	for (size_t i = 0; !trouble && i < intake->stream_count; i++)
		trouble = redis_stream_trouble(intake->streams[i].stream);
	return trouble;
}

void redis_intake_measure(const struct redis_intake *intake, struct metrics *metrics)
{
	metrics->listening = is_subscribed(intake);
	metrics->blind_windows = intake->gap_count;
	metrics->is_blind = intake->is_in_gap;
	metrics->blind_seconds =
		(double)(intake->gap_us + (intake->is_in_gap ? wall_clock_us() - intake->gap_since : 0)) /
		1e6;
	metrics->lease_count = lease_keeper_report(intake->keeper, metrics->leases, METRIC_LEASES_MAX);
	metrics->leases_lost = lease_keeper_losses(intake->keeper);
	metrics->subscription = *leased_subscription_stats(intake->subscription);
	metrics->subscription_bytes = leased_subscription_bytes(intake->subscription);
	metrics->streams.is_reading = true;
	metrics->stream_count = intake->stream_count;
	for (size_t i = 0; i < intake->stream_count; i++) {
		const struct stream_reader_stats *stats = stream_reader_stats(intake->streams[i].reader);

		metrics->each_stream[i] = (struct stream_figures){intake->keys.names[i], stats};
		metrics->streams.read += stats->read;
		metrics->streams.claimed += stats->claimed;
		metrics->streams.lost += stats->lost;
		metrics->streams.acknowledged += stats->acknowledged;
		metrics->streams.in_flight += stats->in_flight;
		metrics->streams.pending += stats->pending;
		metrics->streams.is_reading = metrics->streams.is_reading &&
					      (stats->is_reading || is_not_ours(intake, &intake->streams[i]));
	}
}
