/* Windows and pace, around the traffic with Redis. */
#include "entrypoints/bench/sender.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/bench/connections.h"
#include "entrypoints/bench_report/progress.h"
#include "entrypoints/bench_workload/bench_messages.h"

#include <event2/event.h>
#include <signal.h>

#define CHUNK_MAX  256
#define TICK_MS    100
#define CONNECT_MS 10000

/* At high rates a few messages leave together, the first of them so late: a write each would cost much. */
#define NAP_US 250

struct bench_sender {
	const struct bench_options *options;
	const char *run;
	struct bench_verifier *verifier;
	struct arena *arena;
	struct event_base *base;
	struct event *tick, *pace;
	struct traffic *traffic;

	uint32_t end;     /* the messages before this number are to be sent; 0: none is */
	uint32_t window;  /* of messages that cause events */
	uint32_t chunk;   /* of them, that are worth a write */
	int64_t begun_us; /* when the first of a paced series was due; 0: there is no pace */
	uint32_t first;   /* of that series */
	int64_t heard_us; /* when something was heard last, or the sending began */
	struct bench_progress progress;

	bool is_over;
	enum bench_end how;
	const char *trouble;
};

/* ---- signals ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

void bench_catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool bench_was_interrupted(void)
{
	return interrupted;
}

/* ---- time ---- */

int64_t bench_now_us(void)
{
	return monotonic_us();
}

static void wait_us(struct event *timer, int64_t us)
{
	const struct timeval delay = {us / 1000000, us % 1000000};

	event_add(timer, &delay);
}

static void finish(struct bench_sender *load, enum bench_end how)
{
	if (load->is_over)
		return;
	load->is_over = true;
	load->how = how;
	event_base_loopexit(load->base, NULL);
}

/* ---- sending ---- */

static int64_t due_us(const struct bench_sender *load, uint32_t number)
{
	return load->begun_us + (int64_t)(number - load->first) * 1000000 / load->options->rate;
}

static void add_message(struct bench_sender *load, int64_t at_us)
{
	uint32_t number = load->verifier->sent;
	const struct bench_step *step = &load->verifier->plan->steps[number];
	char text[BENCH_PAYLOAD_MAX];

	traffic_add(load->traffic, (enum message_type)step->command, step->sku,
		    bench_payload(text, load->run, number, step));
	bench_verifier_sent(load->verifier, at_us);
}

static uint32_t room(const struct bench_sender *load)
{
	uint32_t under_way = bench_verifier_under_way(load->verifier);

	return under_way < load->window ? load->window - under_way : 0;
}

static void nap_until(struct bench_sender *load, int64_t then_us, int64_t now_us)
{
	wait_us(load->pace, then_us - now_us > NAP_US ? then_us - now_us : NAP_US);
}

/* What is due by now, as far as the window lets; the rest in time. */
static void send_what_is_due(struct bench_sender *load)
{
	int64_t now;

	if (evtimer_pending(load->pace, NULL))
		return; /* nothing is */
	now = bench_now_us();
	while (load->verifier->sent < load->end && room(load) && due_us(load, load->verifier->sent) <= now)
		add_message(load, due_us(load, load->verifier->sent));
	traffic_flush(load->traffic);
	if (load->verifier->sent < load->end && room(load))
		nap_until(load, due_us(load, load->verifier->sent), now);
}

/* In chunks, each with room for all of it: many small writes would cost Redis and us more. */
static void send_what_fits(struct bench_sender *load)
{
	while (load->verifier->sent < load->end && room(load) >= load->chunk) {
		int64_t now = bench_now_us();

		for (uint32_t i = 0; i < load->chunk && load->verifier->sent < load->end; i++)
			add_message(load, now);
		traffic_flush(load->traffic);
	}
}

static void go_on(struct bench_sender *load)
{
	const struct bench_verifier *verifier = load->verifier;

	if (load->begun_us)
		send_what_is_due(load);
	else
		send_what_fits(load);
	if (verifier->sent == load->end && bench_verifier_under_way(verifier) == 0 &&
	    traffic_is_answered(load->traffic))
		finish(load, BENCH_DONE);
}

static void on_pace(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	(void)what;
	go_on(context);
}

/* ---- hearing ---- */

static void on_heard(void *context, enum message_type type, struct bytes payload)
{
	struct bench_sender *load = context;
	uint32_t number;
	int64_t version, now;

	if (!bench_read_event(payload, load->run, &number, &version))
		return; /* somebody else's */
	now = bench_now_us();
	load->heard_us = now;
	bench_verifier_heard(load->verifier, type, number, version, now);
	if (load->end)
		go_on(load);
}

/* The last reply may come after the last event. */
static void on_answered(void *context)
{
	struct bench_sender *load = context;

	if (load->end)
		go_on(load);
}

static void on_ended(void *context, const char *cause)
{
	struct bench_sender *load = context;

	load->trouble = arena_strdup(load->arena, cause);
	finish(load, BENCH_LOST);
}

/* ---- waiting ---- */

/* Only what is under way can be late. */
static bool has_stalled(struct bench_sender *load, int64_t patience_ms)
{
	int64_t now = bench_now_us();

	if (load->end && bench_verifier_under_way(load->verifier) == 0 && traffic_is_answered(load->traffic))
		load->heard_us = now;
	return now - load->heard_us > patience_ms * 1000;
}

static void on_tick(evutil_socket_t socket, short what, void *context)
{
	struct bench_sender *load = context;
	bool connecting = !load->end;

	(void)socket;
	(void)what;
	if (interrupted)
		finish(load, BENCH_INTERRUPTED);
	else if (connecting && traffic_is_up(load->traffic))
		finish(load, BENCH_DONE);
	else if (has_stalled(load, connecting ? CONNECT_MS : load->options->stall_ms))
		finish(load, BENCH_STALLED);
	bench_progress_show(&load->progress, load->verifier->done);
}

/* Runs the event loop until it is over. */
static enum bench_end run(struct bench_sender *load)
{
	if (load->how == BENCH_LOST)
		return BENCH_LOST;
	load->is_over = false;
	load->heard_us = bench_now_us();
	event_add(load->tick, &(struct timeval){0, TICK_MS * 1000});
	if (load->end)
		go_on(load);
	event_base_dispatch(load->base);
	event_del(load->tick);
	event_del(load->pace);
	return load->how;
}

enum bench_end bench_sender_connect(struct bench_sender *load)
{
	enum bench_end end = run(load);

	if (end == BENCH_STALLED) {
		load->trouble = traffic_trouble(load->traffic);
		load->how = end = BENCH_LOST;
	}
	return end;
}

/* As many messages as cause events, of a window of all. */
static uint32_t window_of(const struct bench_sender *load)
{
	const struct bench_plan *plan = load->verifier->plan;
	uint64_t window = (uint64_t)load->options->window * plan->speaking / plan->count;

	return window > 0 ? (uint32_t)window : 1;
}

static uint32_t speaking_between(const struct bench_plan *plan, uint32_t first, uint32_t end)
{
	uint32_t speaking = 0;

	for (uint32_t number = first; number < end; number++)
		speaking += plan->steps[number].events > 0;
	return speaking;
}

enum bench_end bench_sender_send(struct bench_sender *load, uint32_t end, const char *title)
{
	const struct bench_verifier *verifier = load->verifier;
	bool paced = load->options->rate && verifier->sent >= verifier->plan->stock;
	enum bench_end how;

	load->end = end;
	load->first = verifier->sent;
	load->begun_us = paced ? bench_now_us() : 0;
	load->progress =
		bench_progress_of(title, verifier->done, speaking_between(verifier->plan, load->first, end));
	how = run(load);
	bench_progress_clear(&load->progress);
	load->progress = (struct bench_progress){0};
	load->end = 0;
	return how;
}

static void on_lingered(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	(void)what;
	finish(context, BENCH_DONE);
}

enum bench_end bench_sender_linger(struct bench_sender *load, int ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

	if (load->how == BENCH_LOST || interrupted)
		return load->how == BENCH_LOST ? BENCH_LOST : BENCH_INTERRUPTED;
	load->is_over = false;
	event_base_once(load->base, -1, EV_TIMEOUT, on_lingered, load, &delay);
	event_base_dispatch(load->base);
	return load->how;
}

const char *bench_sender_trouble(const struct bench_sender *load)
{
	return load->trouble;
}

/* ---- the whole ---- */

/* Timers to the microsecond: at a fixed rate they are what sends. */
static struct event_base *precise_base(void)
{
	struct event_config *config = must(event_config_new());
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = must(event_base_new_with_config(config));
	event_config_free(config);
	return base;
}

struct bench_sender *bench_sender_new(const struct invocation *invocation,
				      const struct bench_options *options, const char *run_name,
				      struct bench_verifier *verifier)
{
	static const struct traffic_user user = {on_heard, on_answered, on_ended};
	struct bench_sender *load = must_alloc(sizeof *load);

	load->options = options;
	load->run = run_name;
	load->verifier = verifier;
	load->arena = invocation->arena;
	load->base = precise_base();
	load->tick = must(event_new(load->base, -1, EV_PERSIST, on_tick, load));
	load->pace = must(evtimer_new(load->base, on_pace, load));
	load->window = window_of(load);
	load->chunk = load->window / 4 < CHUNK_MAX ? load->window / 4 + 1 : CHUNK_MAX;
	load->traffic = traffic_new(load->base, invocation, options->way == BENCH_STREAM, &user, load);
	return load;
}

void bench_sender_free(struct bench_sender **place)
{
	struct bench_sender *load = *place;

	if (!load)
		return;
	traffic_free(&load->traffic);
	event_free(load->tick);
	event_free(load->pace);
	event_base_free(load->base);
	free(load);
	*place = NULL;
}
