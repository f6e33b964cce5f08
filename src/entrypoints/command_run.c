/*
 * `allocd run`: the worker's life.
 *
 *     prepare the database ─► connect ─► work ─► drain, acknowledge, answer ─► end
 *                                  signal ──┘ │
 *                               another signal, or no time left ─► end at once
 */
#include "entrypoints/bootstrap.h"
#include "entrypoints/options.h"
#include "entrypoints/schema.h"
#include "entrypoints/secrets.h"

#include "core/must.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Within 10 s of the signal the program has ended: so long for draining, the rest for last answers. */
#define DRAIN_MS 9000
#define FLUSH_MS 500

#define POLL_MS 20

enum phase {
	CONNECTING, /* waits for Redis */
	WORKING,    /* waits for a signal */
	DRAINING,   /* waits for the engine to finish what was taken, */
	CONFIRMING, /* for what streams were bringing, and for Redis to confirm its acknowledgement, */
	FLUSHING,   /* for the last answers to be sent */
	ENDED,
};

struct life {
	const struct invocation *invocation;
	struct logger *logger;
	struct worker *worker;
	struct event_base *base;
	struct event *on_sigterm, *on_sigint;
	struct event *poll;     /* looks whether the phase is over */
	struct event *deadline; /* of the phase */
	enum phase phase;
	enum exit_status status;
};

static void set_timer(struct event *timer, int ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

	event_add(timer, &delay);
}

/* Whether its end is looked for. */
static bool is_polled(enum phase phase)
{
	return phase == CONNECTING || phase == CONFIRMING || phase == FLUSHING;
}

static void enter(struct life *life, enum phase phase)
{
	static const int deadlines_ms[] = {[DRAINING] = DRAIN_MS, [FLUSHING] = FLUSH_MS, [ENDED] = 0};

	life->phase = phase;
	if (phase != CONFIRMING) /* it has what is left of the time for draining */
		event_del(life->deadline);
	if (phase == CONNECTING)
		set_timer(life->deadline, 1000 * life->invocation->config.start_wait_s);
	else if (deadlines_ms[phase])
		set_timer(life->deadline, deadlines_ms[phase]);
	if (is_polled(phase))
		set_timer(life->poll, phase == CONFIRMING ? 0 : POLL_MS);
	if (phase == ENDED)
		event_base_loopexit(life->base, NULL);
}

static void end(struct life *life, enum exit_status status)
{
	life->status = status;
	enter(life, ENDED);
}

/* ---- connecting ---- */

static void begin_to_work(struct life *life)
{
	const struct config *config = &life->invocation->config;
	struct arena *arena = arena_new(512);
	const char *version = ALLOCD_VERSION, *http = "off";

	enter(life, WORKING);
	worker_listen(life->worker);
	if (worker_http(life->worker))
		http = arena_printf(arena, "%s:%u", config->http.host,
				    http_api_port(worker_http(life->worker)));
	LOG(life->logger, LOG_INFO, "started", LOG_TEXT("version", version), LOG_TEXT("http", http),
	    LOG_TEXT("database", secrets_hidden(config->database_url, arena)),
	    LOG_TEXT("redis", secrets_hidden(config->redis_url, arena)), LOG_TEXT("prefix", config->prefix),
	    LOG_NUMBER("unit_max", config->unit_max), LOG_NUMBER("lanes", config->lanes));
	arena_free(&arena);
}

static void look_for_redis(struct life *life)
{
	struct arena *arena = arena_new(256);

	if (!worker_redis_trouble(life->worker, arena))
		begin_to_work(life);
	arena_free(&arena);
}

static void give_up_redis(struct life *life)
{
	struct arena *arena = arena_new(256);

	LOG(life->logger, LOG_ERROR, "Redis cannot be reached",
	    LOG_TEXT("reason", worker_redis_trouble(life->worker, arena)));
	arena_free(&arena);
	end(life, STATUS_UNAVAILABLE);
}

/* ---- ending ---- */

static void on_drained(void *context)
{
	struct life *life = context;

	if (life->phase == DRAINING)
		enter(life, CONFIRMING);
}

static void drain(struct life *life, int number)
{
	LOG(life->logger, LOG_INFO, "stopping", LOG_TEXT("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
	enter(life, DRAINING);
	worker_stop_intake(life->worker);
	engine_drain(worker_engine(life->worker), on_drained, life);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct life *life = context;

	(void)what;
	if (life->phase == CONNECTING || life->phase == WORKING)
		drain(life, (int)number);
	else if (life->phase == DRAINING || life->phase == CONFIRMING)
		end(life, STATUS_TRY_AGAIN);
	else
		end(life, STATUS_DONE);
}

/* ---- the loop ---- */

static void on_poll(evutil_socket_t socket, short what, void *context)
{
	struct life *life = context;
	const struct http_api *http = worker_http(life->worker);

	(void)socket;
	(void)what;
	if (life->phase == CONNECTING)
		look_for_redis(life);
	else if (life->phase == CONFIRMING && worker_is_done(life->worker))
		enter(life, FLUSHING);
	else if (life->phase == FLUSHING && (!http || http_api_is_idle(http)))
		end(life, STATUS_DONE);
	if (is_polled(life->phase))
		set_timer(life->poll, POLL_MS);
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

static void make_events(struct life *life)
{
	life->on_sigterm = must(evsignal_new(life->base, SIGTERM, on_signal, life));
	life->on_sigint = must(evsignal_new(life->base, SIGINT, on_signal, life));
	life->poll = must(evtimer_new(life->base, on_poll, life));
	life->deadline = must(evtimer_new(life->base, on_deadline, life));
	event_add(life->on_sigterm, NULL);
	event_add(life->on_sigint, NULL);
}

static void free_events(struct life *life)
{
	event_free(life->on_sigterm);
	event_free(life->on_sigint);
	event_free(life->poll);
	event_free(life->deadline);
}

/* From the first connection to the end. */
static enum exit_status live(struct life *life)
{
	struct engine_stats left;
	size_t unacknowledged;

	make_events(life);
	worker_start(life->worker);
	enter(life, CONNECTING);
	event_base_dispatch(life->base);
	left = *engine_stats(worker_engine(life->worker));
	unacknowledged = worker_unacknowledged(life->worker);
	free_events(life);
	worker_free(&life->worker);
	if (life->status == STATUS_TRY_AGAIN)
		LOG(life->logger, LOG_ERROR, "ended before all was done", LOG_NUMBER("messages", left.queued),
		    LOG_NUMBER("unpublished", left.unpublished),
		    LOG_NUMBER("unacknowledged", unacknowledged));
	else
		LOG(life->logger, LOG_INFO, "ended", LOG_NUMBER("messages", left.messages),
		    LOG_NUMBER("published", left.published));
	return life->status;
}

/* Nothing was taken yet, and a migration is done whole or not at all. */
static void end_at_once(int number)
{
	(void)number;
	_exit(STATUS_DONE);
}

enum exit_status command_run(const struct invocation *invocation)
{
	struct life life = {.invocation = invocation, .logger = invocation->logger};
	bool migrate = !invocation_flag(invocation, "no-migrate");
	enum exit_status status = STATUS_FAILED;

	signal(SIGTERM, end_at_once);
	signal(SIGINT, end_at_once);
	life.worker = worker_new(&invocation->config, invocation->logger, &status);
	if (!life.worker)
		return status;
	status = schema_prepare(&invocation->config, migrate, invocation->logger);
	if (status != STATUS_DONE) {
		worker_free(&life.worker);
		return status;
	}
	life.base = worker_base(life.worker);
	return live(&life);
}
