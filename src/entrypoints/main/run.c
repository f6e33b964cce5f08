/*
 * `allocd run`: the worker's life.
 *
 *     prepare the database ─► connect ─► work ─► drain, acknowledge, answer ─► end
 *        │  signal: end          signal ──┘ │
 *        ▼                    another signal, or no time left ─► end at once
 *       end
 *
 * HTTP requests are answered from the first phase on.  In each phase a second signal ends the process at
 * once: with status 75 if work is left undone, and by the signal itself while memory is freed.
 */
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/config/secrets.h"
#include "entrypoints/main/redis_intake.h"
#include "entrypoints/main/unused_signals.h"
#include "entrypoints/main/wait_for_schema.h"
#include "entrypoints/main/worker.h"
#include "entrypoints/supervision/supervision.h"

#include "adapters/system/clock.h"
#include "core/base/must.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The program ends within 10 s of the signal: DRAIN_MS for draining, then FLUSH_MS for the last answers. */
#define DRAIN_MS 9000
#define FLUSH_MS 500

/* How long an attempt to prepare the database may continue after a signal. */
#define LEAVE_MS 500

/*
 * What ends a phase sends no event.  Most phases take milliseconds, so the first polls follow each other
 * closely.
 */
#define POLL_MS      20
#define POLL_SOON_MS 1
#define POLLS_SOON   100

enum life_phase {
	PREPARING,  /* waits for the database, and for its schema to fit */
	LEAVING,    /* waits for the preparation to end: no command was accepted yet */
	CONNECTING, /* waits for Redis */
	TAKING,     /* records that the database belongs to this prefix, unless an earlier worker did */
	WORKING,    /* waits for a signal */
	DRAINING,   /* waits for the engine to finish every accepted command */
	CONFIRMING, /* waits for Redis to confirm the acknowledgement of every stream entry */
	FLUSHING,   /* waits until the last HTTP answers, and traces, are sent */
	ENDED,
};

struct life {
	const struct invocation *invocation;
	struct logger *logger;
	struct worker *worker;
	struct schema_work *schema;
	struct event_base *base;
	struct system_clock clock;
	struct supervision *supervision; /* NULL: no service manager waits for notifications */
	struct event *on_sigterm, *on_sigint, *on_sigxcpu;
	struct unused_signals *unused_signals;
	struct event *poll;     /* checks whether the phase is over */
	struct event *deadline; /* of the phase */
	int polls;              /* in this phase */
	enum life_phase phase;
	time_t phase_began_at;
	bool is_connected; /* the worker was started, after PREPARING */
	enum exit_status status;
};

static void set_timer(struct event *timer, int ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

	event_add(timer, &delay);
}

static void poll_later(struct life *life)
{
	set_timer(life->poll, life->polls++ < POLLS_SOON ? POLL_SOON_MS : POLL_MS);
}

/* Whether polling detects the end of the phase. */
static bool is_polled(enum life_phase phase)
{
	return phase == PREPARING || phase == LEAVING || phase == CONNECTING || phase == TAKING ||
	       phase == CONFIRMING || phase == FLUSHING;
}

static void enter(struct life *life, enum life_phase phase)
{
	static const int deadlines_ms[] = {
		[LEAVING] = LEAVE_MS, [DRAINING] = DRAIN_MS, [FLUSHING] = FLUSH_MS, [ENDED] = 0};

	life->phase = phase;
	life->phase_began_at = time(NULL);
	if (phase != CONFIRMING) /* confirming shares the deadline of draining */
		event_del(life->deadline);
	if (phase == CONNECTING)
		set_timer(life->deadline, 1000 * life->invocation->config.start_wait_s);
	else if (deadlines_ms[phase])
		set_timer(life->deadline, deadlines_ms[phase]);
	life->polls = 0;
	if (is_polled(phase))
		poll_later(life);
	if (phase == ENDED)
		event_base_loopexit(life->base, NULL);
}

/* Leaves the event loop; the first call determines the exit status. */
static void end(struct life *life, enum exit_status status)
{
	if (life->phase == ENDED)
		return;
	life->status = status;
	enter(life, ENDED);
}

/* ---- preparing ---- */

static void check_schema(struct life *life)
{
	enum exit_status status;

	if (!schema_work_is_over(life->schema, &status))
		return;
	if (status != STATUS_DONE) {
		end(life, status);
		return;
	}
	life->is_connected = true;
	worker_start(life->worker);
	enter(life, CONNECTING);
}

/* ---- connecting ---- */

static void begin_to_work(struct life *life)
{
	const struct config *config = &life->invocation->config;
	struct arena *arena = arena_new(512);
	const char *version = ALLOCD_VERSION, *http = "off";

	enter(life, WORKING);
	worker_serve(life->worker);
	supervision_update(life->supervision);
	if (worker_http(life->worker))
		http = arena_printf(arena, "%s:%u", config->http.host,
				    http_api_port(worker_http(life->worker)));
	LOG(life->logger, LOG_INFO, "started", LOG_TEXT("version", version), LOG_TEXT("http", http),
	    LOG_TEXT("database", secrets_hidden(config->database_url, arena)),
	    LOG_TEXT("redis", secrets_hidden(config->redis_url, arena)), LOG_TEXT("prefix", config->prefix),
	    LOG_TEXT("worker", redis_intake_worker_name(config, arena)),
	    LOG_NUMBER("unit_max", config->unit_max), LOG_NUMBER("lanes", config->lanes));
	arena_free(&arena);
}

static void check_taken(struct life *life)
{
	enum exit_status status;

	if (!schema_work_is_over(life->schema, &status))
		return;
	if (status == STATUS_DONE)
		begin_to_work(life);
	else
		end(life, status);
}

/* Not before Redis was reached: a prefix that Redis refuses must not be recorded. */
static void take_database(struct life *life)
{
	if (schema_work_is_taken(life->schema)) {
		begin_to_work(life);
		return;
	}
	schema_work_free(&life->schema);
	life->schema = schema_work_start(&life->invocation->config, SCHEMA_TAKE, life->logger);
	enter(life, TAKING);
}

static void check_redis(struct life *life)
{
	struct arena *arena = arena_new(256);

	if (worker_redis_defect(life->worker)) {
		LOG(life->logger, LOG_ERROR, "the configuration does not fit this Redis",
		    LOG_TEXT("error", worker_redis_defect(life->worker)));
		end(life, STATUS_CONFIGURATION);
	} else if (!worker_redis_trouble(life->worker, arena)) {
		take_database(life);
	}
	arena_free(&arena);
}

/* The deadline has passed, but Redis may have been reached since the last poll. */
static void give_up_redis(struct life *life)
{
	struct arena *arena;

	check_redis(life);
	if (life->phase != CONNECTING)
		return;
	arena = arena_new(256);
	LOG(life->logger, LOG_ERROR, "Redis cannot be reached",
	    LOG_TEXT("error", worker_redis_trouble(life->worker, arena)));
	arena_free(&arena);
	end(life, STATUS_UNAVAILABLE);
}

/* Describes what the worker waits for before WORKING. */
static const char *awaited(void *context, struct arena *arena, enum awaited_service *service)
{
	const struct life *life = context;
	const char *trouble;
	bool has_failed;

	if (life->phase == PREPARING || life->phase == TAKING) {
		trouble = schema_work_awaits(life->schema, arena, &has_failed);
		*service = has_failed ? AWAITS_DATABASE : AWAITS_NO_SERVICE;
		return trouble;
	}
	trouble = life->phase == CONNECTING ? worker_redis_trouble(life->worker, arena) : NULL;
	if (!trouble)
		return "";
	*service = AWAITS_REDIS;
	return arena_printf(arena, "waiting for Redis since %s: %s", text_time(life->phase_began_at, arena),
			    trouble);
}

/* ---- ending ---- */

static void on_drained(void *context)
{
	struct life *life = context;

	if (life->phase == DRAINING)
		enter(life, CONFIRMING);
}

static void stop(struct life *life, int number)
{
	struct http_api *http = worker_http(life->worker);

	LOG(life->logger, LOG_INFO, "stopping",
	    LOG_TEXT("signal", number == SIGTERM  ? "SIGTERM"
			       : number == SIGINT ? "SIGINT"
						  : "SIGXCPU"));
	if (http)
		http_api_stop(http);
	sampler_stop(worker_sampler(life->worker));
	supervision_update(life->supervision);
	if (life->phase == PREPARING) {
		schema_work_stop(life->schema);
		enter(life, LEAVING);
		return;
	}
	enter(life, DRAINING);
	worker_stop_intake(life->worker);
	engine_drain(worker_engine(life->worker), on_drained, life);
}

static size_t unanswered(const struct life *life)
{
	const struct http_api *http = worker_http(life->worker);

	return http ? http_api_unanswered(http) : 0;
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct life *life = context;

	(void)what;
	switch (life->phase) {
	case PREPARING:
	case CONNECTING:
	case TAKING:
	case WORKING:
		stop(life, (int)number);
		break;
	case LEAVING:
		end(life, STATUS_DONE);
		break;
	case DRAINING:
	case CONFIRMING:
		end(life, STATUS_TRY_AGAIN);
		break;
	case FLUSHING:
		end(life, unanswered(life) ? STATUS_TRY_AGAIN : STATUS_DONE);
		break;
	case ENDED:
		break;
	}
}

/* ---- the loop ---- */

static void flush(struct life *life)
{
	enter(life, FLUSHING);
	worker_flush_traces(life->worker);
}

static void on_poll(evutil_socket_t socket, short what, void *context)
{
	struct life *life = context;
	enum exit_status status;

	(void)socket;
	(void)what;
	if (life->phase == PREPARING)
		check_schema(life);
	else if (life->phase == CONNECTING)
		check_redis(life);
	else if (life->phase == TAKING)
		check_taken(life);
	else if (life->phase == CONFIRMING && worker_is_done(life->worker))
		flush(life);
	else if ((life->phase == LEAVING && schema_work_is_over(life->schema, &status)) ||
		 (life->phase == FLUSHING && !unanswered(life) && !worker_has_traces(life->worker)))
		end(life, STATUS_DONE);
	if (is_polled(life->phase))
		poll_later(life);
}

static void on_deadline(evutil_socket_t socket, short what, void *context)
{
	struct life *life = context;

	(void)socket;
	(void)what;
	if (life->phase == CONNECTING)
		give_up_redis(life);
	else if (life->phase == DRAINING || life->phase == CONFIRMING)
		end(life, STATUS_TRY_AGAIN);
	else
		end(life, STATUS_DONE);
}

static struct event *on(struct life *life, int number)
{
	struct event *event = must(evsignal_new(life->base, number, on_signal, life));

	event_add(event, NULL);
	return event;
}

static void make_events(struct life *life)
{
	life->unused_signals = unused_signals_new(life->base, life->logger);
	life->on_sigterm = on(life, SIGTERM);
	life->on_sigint = on(life, SIGINT);
	life->on_sigxcpu = on(life, SIGXCPU);
	life->poll = must(evtimer_new(life->base, on_poll, life));
	life->deadline = must(evtimer_new(life->base, on_deadline, life));
}

/* Restores the default action of the signals, which ends the process; none is lost during the change. */
static void free_events(struct life *life)
{
	sigset_t ending, before;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, &before);
	event_free(life->on_sigterm);
	event_free(life->on_sigint);
	event_free(life->on_sigxcpu);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	unused_signals_free(&life->unused_signals);
	event_free(life->poll);
	event_free(life->deadline);
}

/* Called before anything is freed, because from then on a second signal ends the process. */
static void log_the_end(const struct life *life)
{
	static const struct engine_stats nothing;
	const struct engine_stats *stats =
		life->is_connected ? engine_stats(worker_engine(life->worker)) : &nothing;

	if (life->status == STATUS_TRY_AGAIN && life->is_connected)
		LOG(life->logger, LOG_ERROR, "ended before all was done",
		    LOG_NUMBER("messages", stats->queued), LOG_NUMBER("unpublished", stats->unpublished),
		    LOG_NUMBER("unacknowledged", worker_unacknowledged(life->worker)),
		    LOG_NUMBER("unanswered", unanswered(life)));
	else if (life->status == STATUS_DONE || life->is_connected)
		LOG(life->logger, LOG_INFO, "ended", LOG_NUMBER("messages", stats->messages),
		    LOG_NUMBER("published", stats->published));
}

/* Runs all phases. */
static enum exit_status live(struct life *life)
{
	enum schema_task task =
		invocation_flag(life->invocation, "no-migrate") ? SCHEMA_CHECK : SCHEMA_MIGRATE;
	enum exit_status ignored;

	make_events(life);
	sampler_await(worker_sampler(life->worker), awaited, life);
	system_clock_init(&life->clock, life->base);
	life->supervision = supervision_new(&life->clock.clock, worker_sampler(life->worker), life->logger);
	life->schema = schema_work_start(&life->invocation->config, task, life->logger);
	enter(life, PREPARING);
	event_base_dispatch(life->base);
	log_the_end(life);
	/* The thread is still migrating, in a transaction: it uses memory that must not be freed. */
	if (!schema_work_is_over(life->schema, &ignored))
		_exit((int)life->status);
	free_events(life);
	supervision_free(&life->supervision);
	worker_free(&life->worker);
	schema_work_free(&life->schema);
	return life->status;
}

/* Handles a signal before the event loop runs, when no command was accepted yet. */
static void end_at_once(int number)
{
	(void)number;
	_exit(STATUS_DONE);
}

enum exit_status command_run(const struct invocation *invocation)
{
	struct life life = {.invocation = invocation, .logger = invocation->logger};
	enum exit_status status = STATUS_FAILED;

	unused_signals_ignore();
	signal(SIGTERM, end_at_once);
	signal(SIGINT, end_at_once);
	life.worker = worker_new(&invocation->config, invocation->logger, &status);
	if (!life.worker)
		return status;
	life.base = worker_base(life.worker);
	return live(&life);
}
