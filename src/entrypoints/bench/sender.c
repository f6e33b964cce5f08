/* Sends messages within a window or at a rate, and receives their events. */
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

/* At high rates a few messages are written together: the first of them is late by up to this. */
#define SLEEP_US_MIN 250

struct bench_sender {
	const struct bench_options *options;
	const char *run;
	struct bench_verifier *verifier;
	struct arena *arena;
	struct event_base *base;
	struct event *tick, *pace;
	struct bench_connections *connections;

	uint32_t end;        /* messages below this number are to be sent; 0: nothing is */
	uint32_t window;     /* of messages that cause events */
	uint32_t chunk;      /* messages that are written together */
	int64_t begun_us;    /* when the first of a series at a rate was due; 0: there is no rate */
	uint32_t first;      /* of that series */
	int64_t received_us; /* when an event arrived last, or the sending began */
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

/* ---- ending ---- */

static void finish(struct bench_sender *sender, enum bench_end how)
{
	if (sender->is_over)
		return;
	sender->is_over = true;
	sender->how = how;
	event_base_loopexit(sender->base, NULL);
}

/* ---- sending ---- */

static int64_t due_us(const struct bench_sender *sender, uint32_t number)
{
	return sender->begun_us + (int64_t)(number - sender->first) * 1000000 / sender->options->rate;
}

static void add_message(struct bench_sender *sender, int64_t at_us)
{
	uint32_t number = sender->verifier->sent;
	const struct bench_step *step = &sender->verifier->plan->steps[number];
	char text[BENCH_PAYLOAD_MAX];

	connections_add(sender->connections, (enum message_type)step->command, step->sku,
			bench_payload(text, sender->run, number, step));
	bench_verifier_sent(sender->verifier, at_us);
}

static uint32_t room(const struct bench_sender *sender)
{
	uint32_t in_flight = bench_verifier_in_flight(sender->verifier);

	return in_flight < sender->window ? sender->window - in_flight : 0;
}

static void sleep_until(struct bench_sender *sender, int64_t then_us, int64_t now_us)
{
	int64_t us = then_us - now_us > SLEEP_US_MIN ? then_us - now_us : SLEEP_US_MIN;
	const struct timeval delay = {us / 1000000, us % 1000000};

	event_add(sender->pace, &delay);
}

/* Sends the messages that are due, as far as the window allows; a timer sends the rest. */
static void send_due(struct bench_sender *sender)
{
	int64_t now;

	if (evtimer_pending(sender->pace, NULL))
		return; /* nothing is due yet */
	now = monotonic_us();
	while (sender->verifier->sent < sender->end && room(sender) &&
	       due_us(sender, sender->verifier->sent) <= now)
		add_message(sender, due_us(sender, sender->verifier->sent));
	connections_flush(sender->connections);
	if (sender->verifier->sent < sender->end && room(sender))
		sleep_until(sender, due_us(sender, sender->verifier->sent), now);
}

/* Sends whole chunks only: many small writes would cost Redis and this process more. */
static void send_chunks(struct bench_sender *sender)
{
	while (sender->verifier->sent < sender->end && room(sender) >= sender->chunk) {
		int64_t now = monotonic_us();

		for (uint32_t i = 0; i < sender->chunk && sender->verifier->sent < sender->end; i++)
			add_message(sender, now);
		connections_flush(sender->connections);
	}
}

static void send_more(struct bench_sender *sender)
{
	const struct bench_verifier *verifier = sender->verifier;

	if (sender->begun_us)
		send_due(sender);
	else
		send_chunks(sender);
	if (verifier->sent == sender->end && bench_verifier_in_flight(verifier) == 0 &&
	    connections_is_answered(sender->connections))
		finish(sender, BENCH_DONE);
}

static void on_pace(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	(void)what;
	send_more(context);
}

/* ---- receiving ---- */

static void on_received(void *context, enum message_type type, struct bytes payload)
{
	struct bench_sender *sender = context;
	struct bench_event event;
	int64_t now;

	if (!bench_read_event(payload, sender->run, &event))
		return; /* another client caused it */
	now = monotonic_us();
	sender->received_us = now;
	bench_verifier_received(sender->verifier, type, &event, now);
	if (sender->end)
		send_more(sender);
}

/* The last reply may arrive after the last event. */
static void on_answered(void *context)
{
	struct bench_sender *sender = context;

	if (sender->end)
		send_more(sender);
}

static void on_ended(void *context, const char *cause)
{
	struct bench_sender *sender = context;

	sender->trouble = arena_strdup(sender->arena, cause);
	finish(sender, BENCH_LOST);
}

/* ---- waiting ---- */

/* While no message is in flight, no event is overdue. */
static bool has_stalled(struct bench_sender *sender, int64_t patience_ms)
{
	int64_t now = monotonic_us();

	if (sender->end && bench_verifier_in_flight(sender->verifier) == 0 &&
	    connections_is_answered(sender->connections))
		sender->received_us = now;
	return now - sender->received_us > patience_ms * 1000;
}

static void on_tick(evutil_socket_t socket, short what, void *context)
{
	struct bench_sender *sender = context;
	bool connecting = !sender->end;

	(void)socket;
	(void)what;
	if (interrupted)
		finish(sender, BENCH_INTERRUPTED);
	else if (connecting && connections_is_up(sender->connections))
		finish(sender, BENCH_DONE);
	else if (has_stalled(sender, connecting ? CONNECT_MS : sender->options->stall_ms))
		finish(sender, BENCH_STALLED);
	bench_progress_show(&sender->progress, sender->verifier->done);
}

/* Runs the event loop until it is over. */
static enum bench_end run(struct bench_sender *sender)
{
	if (sender->how == BENCH_LOST)
		return BENCH_LOST;
	sender->is_over = false;
	sender->received_us = monotonic_us();
	event_add(sender->tick, &(struct timeval){0, TICK_MS * 1000});
	if (sender->end)
		send_more(sender);
	event_base_dispatch(sender->base);
	event_del(sender->tick);
	event_del(sender->pace);
	return sender->how;
}

enum bench_end bench_sender_connect(struct bench_sender *sender)
{
	enum bench_end end = run(sender);

	if (end == BENCH_STALLED) {
		sender->trouble = connections_trouble(sender->connections);
		sender->how = end = BENCH_LOST;
	}
	return end;
}

/* The share of the window for messages that cause events: only those are counted as in flight. */
static uint32_t window_of(const struct bench_sender *sender)
{
	const struct bench_plan *plan = sender->verifier->plan;
	uint64_t window = (uint64_t)sender->options->window * plan->with_events / plan->count;

	return window > 0 ? (uint32_t)window : 1;
}

static uint32_t with_events_between(const struct bench_plan *plan, uint32_t first, uint32_t end)
{
	uint32_t with_events = 0;

	for (uint32_t number = first; number < end; number++)
		with_events += plan->steps[number].events > 0;
	return with_events;
}

enum bench_end bench_sender_send(struct bench_sender *sender, uint32_t end, const char *title)
{
	const struct bench_verifier *verifier = sender->verifier;
	bool paced = sender->options->rate && verifier->sent >= verifier->plan->stock;
	enum bench_end how;

	sender->end = end;
	sender->first = verifier->sent;
	sender->begun_us = paced ? monotonic_us() : 0;
	sender->progress = bench_progress_of(title, verifier->done,
					     with_events_between(verifier->plan, sender->first, end));
	how = run(sender);
	bench_progress_clear(&sender->progress);
	sender->progress = (struct bench_progress){0};
	sender->end = 0;
	return how;
}

static void on_waited(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	(void)what;
	finish(context, BENCH_DONE);
}

enum bench_end bench_sender_wait(struct bench_sender *sender, int ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

	if (sender->how == BENCH_LOST || interrupted)
		return sender->how == BENCH_LOST ? BENCH_LOST : BENCH_INTERRUPTED;
	sender->is_over = false;
	event_base_once(sender->base, -1, EV_TIMEOUT, on_waited, sender, &delay);
	event_base_dispatch(sender->base);
	return sender->how;
}

const char *bench_sender_trouble(const struct bench_sender *sender)
{
	return sender->trouble;
}

/* ---- its life ---- */

/* Timers have to be precise, because they send the messages of a fixed rate. */
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
	static const struct bench_connections_user user = {on_received, on_answered, on_ended};
	struct bench_sender *sender = must_alloc(sizeof *sender);

	sender->options = options;
	sender->run = run_name;
	sender->verifier = verifier;
	sender->arena = invocation->arena;
	sender->base = precise_base();
	sender->tick = must(event_new(sender->base, -1, EV_PERSIST, on_tick, sender));
	sender->pace = must(evtimer_new(sender->base, on_pace, sender));
	sender->window = window_of(sender);
	sender->chunk = sender->window / 4 < CHUNK_MAX ? sender->window / 4 + 1 : CHUNK_MAX;
	sender->connections =
		connections_new(sender->base, invocation, options->transport == BENCH_STREAM, &user, sender);
	return sender;
}

void bench_sender_free(struct bench_sender **place)
{
	struct bench_sender *sender = *place;

	if (!sender)
		return;
	connections_free(&sender->connections);
	event_free(sender->tick);
	event_free(sender->pace);
	event_base_free(sender->base);
	free(sender);
	*place = NULL;
}
