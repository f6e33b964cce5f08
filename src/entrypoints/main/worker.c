/* Puts a worker together: each port gets its adapter.  For the order of freeing see worker_free(). */
#include "entrypoints/main/worker.h"

#include "adapters/codec/codec.h"
#include "adapters/postgres/postgres.h"
#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/redis/tools/redis_event_peek.h"
#include "adapters/smtp/smtp_notifier.h"
#include "adapters/system/clock.h"
#include "adapters/system/descriptors.h"
#include "adapters/system/log_notifier.h"
#include "adapters/system/random.h"
#include "bus/base/log_limiter.h"
#include "core/base/must.h"
#include "entrypoints/jobs/child.h"
#include "entrypoints/jobs/child_environment.h"
#include "entrypoints/main/redis_intake.h"
#include "entrypoints/main/server_urls.h"
#include "entrypoints/main/setup.h"
#include "entrypoints/main/tracing.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Bounds of the queued and in-flight messages: a number of units of work for each lane, and total bytes. */
#define QUEUED_UNITS    4
#define QUEUE_MIN       ((size_t)1000)
#define QUEUE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/*
 * When more waits than one lane can take in this number of units of work, several lanes are faster than one.
 */
#define BACKLOG_UNITS 2

/*
 * File descriptors that the worker keeps for itself, so that no number of HTTP clients keeps it from
 * reconnecting.  The base covers the event loop, the log, files that are read from time to time, and HTTP
 * connections that are being closed.  A connection to a service needs one, and another to resolve its name.
 */
#define DESCRIPTORS_BASE         ((size_t)20)
#define DESCRIPTORS_A_CONNECTION ((size_t)2)

/* Its connection, and what wakes libcurl. */
#define DESCRIPTORS_OF_TRACES ((size_t)6)

/* A mail has two sockets while it connects, and libcurl has descriptors that wake it and the event loop. */
#define DESCRIPTORS_A_MAIL ((size_t)6)

#define MAIL_CONNECT_MS 10000

struct worker {
	const struct config *config;
	struct logger *logger;
	struct event_base *base;
	struct http_api *http;

	struct system_clock clock;
	struct sampler *sampler;
	struct log_limiter *limiter; /* wraps `logger` for everything that logs while the worker runs */
	struct postgres_config postgres;
	struct codec *codec;
	struct notifier *notifier;
	bool mails; /* the notifier sends mail; else it logs */
	struct postgres_store
		*stores[LANES_MAX + 4]; /* of the lanes, then of parking, intake, publisher and housekeeper */
	size_t store_count;
	struct views *views;
	struct known_servers
		*servers; /* the database's servers, as the sessions of the worker have found them */

	struct connection_statistics postgres_connections, redis_connections;
	struct redis_settings redis;
	struct redis_publisher *publisher;
	struct redis_intake *intake;
	/* Two connections, so that a search does not delay viewers; NULL: no stream of events. */
	struct redis_event_peek *events, *older_events;
	struct past_events *past;
	struct live_hub *live; /* NULL: HTTP is off */

	struct otlp_exporter *traces; /* NULL: nothing is traced */
	struct engine *engine;
	struct arena *arena; /* lives as long as the worker */
};

/* ---- the ports ---- */

/* OpenSSL reads SSL_CERT_FILE by itself, but libcurl does not. */
static struct notifier *make_mail_notifier(const struct worker *worker)
{
	static const enum smtp_tls tls[] = {[MAIL_TLS_AUTO] = SMTP_TLS_AUTO,
					    [MAIL_TLS_REQUIRED] = SMTP_TLS_REQUIRED,
					    [MAIL_TLS_OFF] = SMTP_TLS_OFF};
	const struct config *config = worker->config;
	int whole_ms = 1000 * config->mail_timeout_s;

	return smtp_notifier_new(&(struct smtp_config){
		.base = worker->base,
		.url = smtp_url(config),
		.tls = tls[config->mail_tls],
		.from = config->mail_from,
		.recipients = config->mail_to.addresses,
		.recipient_count = config->mail_to.count,
		.ca_file = getenv("SSL_CERT_FILE"),
		.connect_ms = whole_ms < MAIL_CONNECT_MS ? whole_ms : MAIL_CONNECT_MS,
		.whole_ms = whole_ms,
	});
}

static void make_notifier(struct worker *worker)
{
	worker->mails = worker->config->smtp_url[0];
	worker->notifier =
		worker->mails ? make_mail_notifier(worker) : log_notifier_new(worker->base, worker->logger);
}

static void free_notifier(struct worker *worker)
{
	if (worker->mails)
		smtp_notifier_free(&worker->notifier);
	else
		log_notifier_free(&worker->notifier);
}

static struct postgres_store *add_store(struct worker *worker, struct postgres_store *store)
{
	return worker->stores[worker->store_count++] = store;
}

/* Each store and the views have a connection of their own, so that none waits for another. */
static void make_stores(struct worker *worker, struct engine_ports *ports)
{
	const struct config *config = worker->config;
	struct postgres_store *intake;
	struct postgres_config next, last, unused;

	worker->postgres = (struct postgres_config){
		.base = worker->base,
		.url = database_url(config),
		.servers = worker->servers,
		.logger = log_limiter_logger(worker->limiter),
		.connections = &worker->postgres_connections,
		.inbox_days = config->inbox_days,
		.dead_letters_max = config->dead_letters_max,
		.dead_letters_days = config->dead_letters_days,
	};
	/* A worker is ready once it has its leases.  Then messages are handled, and published. */
	next = last = unused = worker->postgres;
	next.start = STARTS_NEXT;
	last.start = STARTS_LAST;
	unused.start = STARTS_WHEN_USED;
	for (int lane = 0; lane < config->lanes; lane++)
		ports->lane_stores[lane] = postgres_unit_store(
			add_store(worker, postgres_lane_store_new(lane ? &unused : &next)));
	ports->parking_store = postgres_unit_store(add_store(worker, postgres_parking_store_new(&unused)));
	intake = add_store(worker, postgres_intake_store_new(&unused));
	ports->batch_directory = postgres_batch_directory(intake);
	ports->process_store = postgres_process_store(intake);
	ports->outbox_store = postgres_outbox_store(add_store(worker, postgres_publisher_store_new(&next)));
	ports->chores_store = postgres_chores_store(add_store(worker, postgres_chores_store_new(&last)));
	worker->views = postgres_views_new(&unused);
}

static void on_publisher_up(void *context)
{
	struct worker *worker = context;

	redis_intake_publisher_is_up(worker->intake);
}

static void make_publisher(struct worker *worker)
{
	const struct config *config = worker->config;

	worker->redis = (struct redis_settings){
		.base = worker->base,
		.url = redis_url(config),
		.random = system_random(),
		.logger = log_limiter_logger(worker->limiter),
		.server = redis_server_new(worker->base, log_limiter_logger(worker->limiter),
					   SERVER_PATIENCE_MS),
		.demands.prefix = config->prefix,
		.connections = &worker->redis_connections,
	};
	worker->publisher = redis_publisher_new(&worker->redis, &(struct redis_publisher_config){
									.name = "allocd-publisher",
									.prefix = config->prefix,
									.event_stream = config->event_stream,
									.up = on_publisher_up,
									.context = worker,
								});
}

/* The first lane's server is that of all lanes: sessions on another one are ended (known_servers.h). */
static void find_servers(void *context, struct otlp_servers *servers)
{
	const struct worker *worker = context;
	const char *host, *port;

	servers->redis = tracing_server(redis_server_address(worker->redis.server));
	if (!postgres_store_server(worker->stores[0], &host, &port, &servers->database))
		return;
	snprintf(servers->postgres.address, sizeof servers->postgres.address, "%s", host);
	servers->postgres.port = host[0] == '/' ? 0 : atoi(port);
}

static void make_traces(struct worker *worker)
{
	worker->traces = tracing_new(&(struct tracing_parts){
		.config = worker->config,
		.base = worker->base,
		.logger = worker->logger,
		.instance = redis_intake_worker_name(worker->config, worker->arena),
		.find_servers = find_servers,
		.context = worker,
	});
}

static struct tracer *tracer_of(const struct worker *worker)
{
	return worker->traces ? otlp_exporter_tracer(worker->traces) : NULL;
}

static void make_engine(struct worker *worker, struct engine_ports *ports)
{
	const struct config *config = worker->config;
	size_t lanes = (size_t)config->lanes, unit_max = (size_t)config->unit_max;
	size_t queue_max = QUEUED_UNITS * lanes * unit_max;

	ports->codec = worker->codec;
	ports->predecessors = event_predecessors;
	ports->broker = redis_publisher_broker(worker->publisher);
	ports->notifier = worker->notifier;
	ports->clock = &worker->clock.clock;
	ports->random = system_random();
	ports->logger = log_limiter_logger(worker->limiter);
	ports->tracer = tracer_of(worker);
	worker->engine = engine_new(ports, &(struct engine_config){
						   .unit_max = unit_max,
						   .move_max = MOVE_MAX_DEFAULT,
						   .rejection_events = config->rejection_events == SWITCH_ON,
						   .lanes = lanes,
						   .backlog = BACKLOG_UNITS * unit_max,
						   .queue_max = queue_max > QUEUE_MIN ? queue_max : QUEUE_MIN,
						   .queue_bytes = QUEUE_BYTES_MAX,
						   .notify_tries = config->mail_tries,
						   .notify_retry_s = config->mail_retry_s,
					   });
}

/* ---- commands from Redis ---- */

static void make_intake(struct worker *worker)
{
	worker->intake = redis_intake_new(&(struct redis_intake_parts){
		.config = worker->config,
		.logger = log_limiter_logger(worker->limiter),
		.clock = &worker->clock.clock,
		.codec = worker->codec,
		.engine = worker->engine,
		.redis = &worker->redis,
		.publisher = worker->publisher,
		.postgres = &worker->postgres,
	});
}

bool worker_is_done(const struct worker *worker)
{
	return engine_is_idle(worker->engine) && redis_intake_is_idle(worker->intake) &&
	       (!worker->http || !http_api_children(worker->http));
}

void worker_flush_traces(struct worker *worker)
{
	if (worker->traces)
		otlp_exporter_flush(worker->traces);
}

bool worker_has_traces(const struct worker *worker)
{
	return worker->traces && !otlp_exporter_is_flushed(worker->traces);
}

size_t worker_unacknowledged(const struct worker *worker)
{
	return redis_intake_unacknowledged(worker->intake);
}

/* ---- HTTP ---- */

/* Rejections need no subscriber where publishers may read them in the stream. */
static uint64_t unheard_expected(const struct worker *worker)
{
	const struct event_statistics *statistics = &redis_publisher_stats(worker->publisher)->by_event;

	return worker->config->event_stream[0] ? statistics->counts[MSG_COMMAND_REJECTED][EVENT_UNHEARD] : 0;
}

static void observe(void *context, struct observation *observation, struct arena *arena)
{
	const struct worker *worker = context;
	const struct redis_publisher_stats *publisher = redis_publisher_stats(worker->publisher);

	observe_engine(observation, worker->engine);
	observation->redis = redis_server_address(worker->redis.server);
	observation->is_out_of_memory = redis_publisher_is_out_of_memory(worker->publisher);
	observation->outputs.unheard = publisher->unheard;
	observation->outputs.unfenced = publisher->unfenced;
	observation->unheard_expected = unheard_expected(worker);
	observation->outputs.is_up = observation->outputs.is_up && redis_publisher_is_up(worker->publisher);
	observation->dead_letters_max = worker->config->dead_letters_max;
	redis_intake_observe(worker->intake, observation, arena);
	if (worker->http)
		observation->inputs[observation->input_count++] =
			(struct status_input){.kind = "http",
					      .name = arena_printf(arena, "%s:%u", worker->config->http.host,
								   http_api_port(worker->http)),
					      .is_read = true};
}

static void measure(void *context, struct metrics *metrics)
{
	const struct worker *worker = context;
	const struct redis_publisher_stats *publisher = redis_publisher_stats(worker->publisher);

	metrics->postgres_connections = &worker->postgres_connections;
	metrics->redis_connections = &worker->redis_connections;
	metrics->log = worker->logger;
	metrics->log_lines_left_out = log_limiter_left_out(worker->limiter);
	metrics->spans = worker->traces ? *otlp_exporter_statistics(worker->traces) : metrics->spans;
	metrics->events = &publisher->by_event;
	metrics->published_unheard = publisher->unheard;
	metrics->published_unfenced = publisher->unfenced;
	redis_intake_measure(worker->intake, metrics);
}

static void make_live(struct worker *worker)
{
	const struct config *config = worker->config;
	struct arena *arena = arena_new(256);

	if (config->event_stream[0]) {
		const char *key = arena_printf(arena, "%s%s", config->prefix, config->event_stream);

		worker->events = redis_event_peek_new(&worker->redis, key);
		worker->older_events = redis_event_peek_new(&worker->redis, key);
		worker->past =
			past_events_new(&worker->clock.clock, redis_event_peek_port(worker->older_events),
					worker->codec, codec_payload_to_line);
	}
	worker->live = live_hub_new(&(struct live_config){
		.clock = &worker->clock.clock,
		.sampler = worker->sampler,
		.codec = worker->codec,
		.to_json = codec_payload_to_line,
		.events = worker->events ? redis_event_peek_port(worker->events) : NULL,
	});
	arena_free(&arena);
}

void worker_serve(struct worker *worker)
{
	sampler_start(worker->sampler, worker->views, observe, worker);
	if (!worker->http)
		return;
	make_live(worker);
	http_api_start(worker->http, &(struct http_services){
					     .engine = worker->engine,
					     .views = worker->views,
					     .broker = redis_publisher_broker(worker->publisher),
					     .tracer = tracer_of(worker),
					     .live = worker->live,
					     .past = worker->past,
					     .event_to_json = codec_payload_to_line,
					     .measure = measure,
					     .measured = worker,
				     });
}

/*
 * Counts the descriptors that HTTP may not use: those of the lanes, six other stores, the views, publisher,
 * subscriber, viewers and searches of events, two connections for each stream, and mail.
 */
static size_t descriptors_of_our_own(const struct config *config)
{
	size_t connections = (size_t)config->lanes + 11 + 2 * config->streams.count;

	return DESCRIPTORS_BASE + DESCRIPTORS_A_CONNECTION * connections +
	       (config->http.host ? CHILDREN_DESCRIPTORS : 0) +
	       (config->otlp_endpoint[0] || config->otlp_traces_endpoint[0] ? DESCRIPTORS_OF_TRACES : 0) +
	       (config->smtp_url[0] ? DESCRIPTORS_A_MAIL * SMTP_AT_ONCE : 0);
}

/* Computes how many connections HTTP may have.  False: there are too few descriptors, which is logged. */
static bool share_descriptors(const struct config *config, struct logger *logger, size_t *connections_max)
{
	size_t own = descriptors_of_our_own(config);
	size_t needed = own + (config->http.host ? HTTP_CONNECTIONS_MIN : 0), found;

	found = descriptors_free(own + HTTP_CONNECTIONS_MAX);
	if (found >= needed) {
		*connections_max = found - own;
		return true;
	}
	LOG(logger, LOG_ERROR, "too few file descriptors: raise the limit (ulimit -n)",
	    LOG_NUMBER("free", found), LOG_NUMBER("needed", needed));
	return false;
}

static bool bind_http_address(struct worker *worker, size_t connections_max, enum exit_status *status)
{
	const struct http_server_config config = {
		.address = worker->config->http,
		.connections_max = connections_max,
		.logger = worker->logger,
	};
	const struct http_gate gate = {
		.token = worker->config->http_token,
		.is_open = worker->config->http_open,
		.names = &worker->config->http_names,
	};
	struct arena *arena = arena_new(256);
	const char *error;
	bool in_use;

	worker->http = http_api_new(worker->base, &config, &gate, worker->sampler, HTTP_DEADLINE_MS, arena,
				    &error, &in_use);
	if (!worker->http) {
		LOG(worker->logger, LOG_ERROR, "cannot listen for HTTP (ALLOCD_HTTP)",
		    LOG_TEXT("error", error));
		*status = in_use ? STATUS_UNAVAILABLE : STATUS_CONFIGURATION;
		arena_free(&arena);
		return false;
	}
	http_api_add_admin(
		worker->http,
		&(struct http_admin_config){
			.program = "/proc/self/exe",
			.environment = child_environment(worker->config, (const char *const *)environ,
							 worker->arena),
			.token = {config_read_url, config_url(worker->config, "ALLOCD_ADMIN_TOKEN")},
			.random = system_random(),
			.logger = log_limiter_logger(worker->limiter),
		});
	if (http_api_is_shut(worker->http)) {
		LOG(worker->logger, LOG_WARN,
		    "commands over HTTP are refused because other machines reach this address: set "
		    "ALLOCD_HTTP_TOKEN, or ALLOCD_HTTP_OPEN=on where a proxy guards it",
		    LOG_TEXT("address", worker->config->http.host));
	}
	arena_free(&arena);
	return true;
}

/* ---- the worker's life ---- */

/* The log of troubles needs no limiter: it has one line for a beginning and one for an end. */
static void make_sampler(struct worker *worker)
{
	struct arena *arena = arena_new(512);

	system_clock_init(&worker->clock, worker->base);
	worker->sampler = sampler_new(&worker->clock.clock, worker->logger,
				      redis_intake_worker_name(worker->config, arena));
	arena_free(&arena);
}

/*
 * What the loop watches for changes in the kernel once a turn, and not at all when a change is undone before.
 * libevent allows this where no descriptor is a duplicate of another: a socket that is closed before the turn
 * ends would be watched for as long as its duplicate is open.  Only children have duplicates, and they close
 * all of them before they run a program: see close_others() in jobs/child.c.
 */
static struct event_base *new_event_loop(void)
{
	struct event_config *config = must(event_config_new());
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = must(event_base_new_with_config(config));
	event_config_free(config);
	return base;
}

struct worker *worker_new(const struct config *config, struct logger *logger, enum exit_status *status)
{
	struct worker *worker;
	size_t connections_max;

	*status = STATUS_CONFIGURATION;
	if (!share_descriptors(config, logger, &connections_max))
		return NULL;
	worker = must_alloc(sizeof *worker);
	worker->config = config;
	worker->logger = logger;
	worker->base = new_event_loop();
	worker->arena = arena_new(4096);
	worker->servers = known_servers_new();
	make_sampler(worker);
	worker->limiter = log_limiter_new(worker->logger, &worker->clock.clock);
	if (config->http.host && !bind_http_address(worker, connections_max, status))
		worker_free(&worker);
	return worker;
}

void worker_start(struct worker *worker)
{
	struct engine_ports ports = {0};

	worker->codec = setup_codec_new(worker->config);
	make_notifier(worker);
	make_stores(worker, &ports);
	make_publisher(worker);
	make_traces(worker);
	make_engine(worker, &ports);
	engine_start(worker->engine);
	make_intake(worker);
}

void worker_stop_intake(struct worker *worker)
{
	redis_intake_stop(worker->intake);
	engine_stop_notifications(worker->engine);
}

/*
 * Frees the engine after everything that may call it back, and before everything that it may have to
 * call back.
 */
void worker_free(struct worker **place)
{
	struct worker *worker = *place;

	if (!worker)
		return;
	live_hub_free(&worker->live);
	past_events_free(&worker->past);
	redis_event_peek_free(&worker->older_events);
	redis_event_peek_free(&worker->events);
	sampler_free(&worker->sampler);
	redis_intake_free(&worker->intake);
	redis_publisher_free(&worker->publisher);
	postgres_views_free(&worker->views);
	while (worker->store_count > 0)
		postgres_store_free(&worker->stores[--worker->store_count]);
	known_servers_free(&worker->servers);
	free_notifier(worker);
	engine_free(&worker->engine);
	http_api_free(&worker->http);
	otlp_exporter_free(&worker->traces);
	log_limiter_free(&worker->limiter);
	codec_free(&worker->codec);
	redis_server_free(&worker->redis.server);
	event_base_free(worker->base);
	arena_free(&worker->arena);
	free(worker);
	*place = NULL;
}

const char *worker_redis_trouble(const struct worker *worker, struct arena *arena)
{
	const char *trouble = redis_publisher_trouble(worker->publisher);

	if (!trouble)
		trouble = redis_intake_connection_trouble(worker->intake);
	return trouble ? arena_printf(arena, "%s: %s", redis_server_address(worker->redis.server), trouble)
		       : NULL;
}

const char *worker_redis_defect(const struct worker *worker)
{
	return redis_server_defect(worker->redis.server);
}

struct event_base *worker_base(const struct worker *worker)
{
	return worker->base;
}

struct engine *worker_engine(const struct worker *worker)
{
	return worker->engine;
}

struct http_api *worker_http(const struct worker *worker)
{
	return worker->http;
}

struct sampler *worker_sampler(const struct worker *worker)
{
	return worker->sampler;
}
