/*
 * `allocd dead-letters replay`: handles dead letters again, one after the other, as the worker would.
 *
 *     count, ask ─► take one ─► answered, wait for the next one's time ─► publish ─► end
 *                      ▲                                             │
 *                      └── there is one, and no signal ──────────────┘
 *
 * Each attempt commits together with its effect, so this process may die at any moment.
 */
#include "adapters/codec/codec.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/cli/audit_user.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/dead_letters/dead_letter_call.h"
#include "entrypoints/dead_letters/dead_letter_filter.h"
#include "entrypoints/replay/replay_arrival.h"
#include "entrypoints/replay/replay_report.h"
#include "entrypoints/replay/replayer.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define ROWS 20

/* After a signal the one in flight has so long; after the last one its events have, to go out from here. */
#define STOP_MS    9000
#define PUBLISH_MS 3000
#define CONNECT_MS 30000

enum phase {
	WORKING,    /* waits for an answer, or for the next one's time */
	STOPPING,   /* a signal came: waits for the answer to the one in flight */
	PUBLISHING, /* waits for the engine to publish what was committed */
	ENDED,
};

struct replaying {
	struct dead_letter_call *call;
	struct replay_edits edits;
	const char *who;
	bool is_dry_run, json;
	int64_t total, rate; /* messages a second; 0: as fast as it goes */

	struct event_base *base;
	struct event *on_sigterm, *on_sigint;
	struct event *next;     /* time for the next one */
	struct event *deadline; /* of the phase; while working: of the database's trouble */
	struct replayer *replayer;
	int64_t begun_us;
	enum phase phase;
	enum exit_status status; /* why it ended early; STATUS_DONE: it did not */

	struct dead_letter_page page;
	size_t at;                        /* in the page */
	const struct dead_letter *letter; /* in flight, or NULL */
	struct arena *arena;              /* for one letter */
	struct dry_run_effects effects;   /* of it */
	bool is_its_turn; /* its own unit was shown: a shrink that goes on after that is its own */

	int64_t taken, handled, skipped, failed;
	int64_t events_of[MSG_TYPES];
};

static void take_next(struct replaying *replaying);

/* ---- time ---- */

static void set_timer(struct event *timer, int64_t us)
{
	const struct timeval delay = {us / 1000000, us % 1000000};

	event_add(timer, &delay);
}

/* From the beginning and not from the last one: what is late does not add up. */
static void wait_for_next(struct replaying *replaying)
{
	int64_t interval_us = replaying->rate ? 1000000 / replaying->rate : 0;
	int64_t wait_us = replaying->begun_us + replaying->taken * interval_us - monotonic_us();

	set_timer(replaying->next, wait_us > 0 ? wait_us : 0);
}

/* ---- what became of one ---- */

static void finish_one(struct replaying *replaying, const char *outcome, const char *reason, int64_t *counter)
{
	const struct replay_report report = {
		.letter = replaying->letter,
		.outcome = outcome,
		.reason = reason,
		.effects = &replaying->effects,
		.is_dry_run = replaying->is_dry_run,
	};

	++*counter;
	for (int type = 0; type < MSG_TYPES; type++)
		replaying->events_of[type] += replaying->effects.events_of[type];
	if (replaying->json)
		replay_report_print_json(&report, stdout);
	else
		replay_report_print(&report, stdout);
	fflush(stdout);
	replaying->letter = NULL;
	if (replaying->phase == STOPPING)
		set_timer(replaying->next, 0);
	else
		wait_for_next(replaying);
}

static int64_t *counter_of(struct replaying *replaying, enum outcome outcome)
{
	if (outcome == OUTCOME_HANDLED)
		return &replaying->handled;
	return outcome == OUTCOME_SKIPPED ? &replaying->skipped : &replaying->failed;
}

static void end_early(struct replaying *replaying, enum exit_status status);

static void on_answered(void *context, const struct delivery *delivery)
{
	struct replaying *replaying = context;

	if (replayer_lost_dry_run(replaying->replayer)) {
		dead_letter_call_say(
			replaying->call, STATUS_TRY_AGAIN,
			"the connection to the database was lost, and what was rehearsed with it:"
			" begin again");
		end_early(replaying, STATUS_TRY_AGAIN);
		return;
	}
	finish_one(replaying, outcome_name(delivery->outcome), delivery->reason,
		   counter_of(replaying, delivery->outcome));
}

/* Before the letter's own unit comes at most a shrink that it waits for; after it, the steps of its own. */
static void on_unit(void *context, const struct unit_of_work *uow)
{
	struct replaying *replaying = context;

	replaying->is_its_turn |= uow->replayed_count > 0;
	if (replaying->is_its_turn)
		dry_run_effects_note(&replaying->effects, uow, codec_payload_to_line);
}

/* ---- taking one ---- */

static void end_early(struct replaying *replaying, enum exit_status status)
{
	replaying->status = status;
	replaying->phase = ENDED;
	event_base_loopexit(replaying->base, NULL);
}

static const struct dead_letter *next_letter(struct replaying *replaying)
{
	const struct failure *failure;

	if (replaying->at == replaying->page.count) {
		replaying->at = 0;
		failure = dead_letter_call_next(replaying->call, &replaying->page);
		if (failure)
			end_early(replaying, dead_letter_call_fail(replaying->call, failure));
		if (failure || !replaying->page.count)
			return NULL;
	}
	return &replaying->page.letters[replaying->at++];
}

static bool is_mail(const struct dead_letter *letter)
{
	return strcmp(letter->way, TRANSPORT_NAME_MAIL) == 0;
}

static void resend(struct replaying *replaying)
{
	struct dead_letters *letters = replaying->call->letters;
	const struct failure *failure = NULL;
	bool done = true;

	if (!replaying->is_dry_run)
		failure = letters->ops->resend(letters, replaying->letter, replaying->who, &done);
	if (failure)
		end_early(replaying, dead_letter_call_fail(replaying->call, failure));
	else if (done)
		finish_one(replaying, "handled", "the mail is to be sent again", &replaying->handled);
	else
		finish_one(replaying, "skipped", "duplicate", &replaying->skipped);
}

static void submit(struct replaying *replaying, struct bytes payload)
{
	const struct dead_letter *letter = replaying->letter;
	const struct replay replay = {
		.dead_letter = letter->id,
		.attempts = letter->attempts,
		.who = replaying->who,
		.edits = replaying->edits.joined,
	};
	struct arrival arrival = replay_arrival(letter, &replaying->edits, payload);

	arrival.replay = &replay;
	arrival.answered = on_answered;
	arrival.context = replaying;
	engine_submit(replayer_engine(replaying->replayer), &arrival);
}

static void edit_and_submit(struct replaying *replaying)
{
	struct bytes payload;
	const char *error;

	if (replay_edits_apply(&replaying->edits, replaying->letter, replaying->arena, &payload, &error))
		submit(replaying, payload);
	else
		finish_one(replaying, "not replayed",
			   arena_printf(replaying->arena, "cannot be edited: %s", error), &replaying->failed);
}

/* ---- the end ---- */

static void on_drained(void *context)
{
	struct replaying *replaying = context;

	replaying->phase = ENDED;
	event_base_loopexit(replaying->base, NULL);
}

static void publish(struct replaying *replaying)
{
	if (replaying->is_dry_run) {
		on_drained(replaying);
		return;
	}
	replaying->phase = PUBLISHING;
	set_timer(replaying->deadline, PUBLISH_MS * 1000);
	engine_drain(replayer_engine(replaying->replayer), on_drained, replaying);
}

static void take_next(struct replaying *replaying)
{
	arena_clear(replaying->arena);
	replaying->effects = (struct dry_run_effects){.arena = replaying->arena};
	replaying->is_its_turn = false;
	if (replaying->phase == WORKING)
		replaying->letter = next_letter(replaying);
	if (replaying->phase == ENDED)
		return;
	if (!replaying->letter) {
		publish(replaying);
		return;
	}
	replaying->taken++;
	if (is_mail(replaying->letter))
		resend(replaying);
	else
		edit_and_submit(replaying);
}

/* ---- events ---- */

static void on_next(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	take_next(context);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct replaying *replaying = context;

	(void)number, (void)what;
	if (replaying->phase != WORKING) {
		end_early(replaying, replaying->phase == PUBLISHING ? replaying->status : STATUS_TRY_AGAIN);
		return;
	}
	replaying->phase = STOPPING;
	replaying->status = STATUS_TRY_AGAIN;
	set_timer(replaying->deadline, STOP_MS * 1000);
	if (!replaying->letter)
		set_timer(replaying->next, 0);
}

static void on_deadline(evutil_socket_t socket, short what, void *context)
{
	struct replaying *replaying = context;

	(void)socket, (void)what;
	if (replaying->phase == PUBLISHING) {
		dead_letter_call_say(
			replaying->call, STATUS_DONE,
			"not all events were published before the end: a worker publishes the rest");
		end_early(replaying, replaying->status);
		return;
	}
	dead_letter_call_say(replaying->call, STATUS_TRY_AGAIN, "the database went away");
	end_early(replaying, STATUS_TRY_AGAIN);
}

/* The engine tries again and again; somebody waits for us, so we do not. */
static void on_change(void *context)
{
	struct replaying *replaying = context;
	const struct config *config = &replaying->call->invocation->config;
	bool up = engine_stats(replayer_engine(replaying->replayer))->database_up;

	if (replaying->phase != WORKING)
		return;
	if (up)
		event_del(replaying->deadline);
	else if (!event_pending(replaying->deadline, EV_TIMEOUT, NULL))
		set_timer(replaying->deadline, (int64_t)config->start_wait_s * 1000000);
}

/* ---- all of it ---- */

static void make_events(struct replaying *replaying)
{
	struct event_base *base = replaying->base;

	replaying->on_sigterm = must(evsignal_new(base, SIGTERM, on_signal, replaying));
	replaying->on_sigint = must(evsignal_new(base, SIGINT, on_signal, replaying));
	replaying->next = must(evtimer_new(base, on_next, replaying));
	replaying->deadline = must(evtimer_new(base, on_deadline, replaying));
	event_add(replaying->on_sigterm, NULL);
	event_add(replaying->on_sigint, NULL);
}

static void free_events(struct replaying *replaying)
{
	event_free(replaying->on_sigterm);
	event_free(replaying->on_sigint);
	event_free(replaying->next);
	event_free(replaying->deadline);
}

/* "; events: 6 line_allocated, 3 out_of_stock", or "". */
static const char *events_in_words(const struct replaying *replaying, struct arena *arena)
{
	const char *words = "";

	for (int type = 0; type < MSG_TYPES; type++) {
		if (replaying->events_of[type])
			words = arena_printf(arena, "%s%s%" PRId64 " %s", words,
					     *words ? ", " : "; events: ", replaying->events_of[type],
					     message_name((enum message_type)type));
	}
	return words;
}

static void sum_up(const struct replaying *replaying)
{
	int64_t done = replaying->handled + replaying->skipped + replaying->failed;
	struct arena *arena = arena_new(256);

	dead_letter_call_say(replaying->call, STATUS_DONE,
			     "%" PRId64 " %s: %" PRId64 " handled, %" PRId64 " skipped, %" PRId64
			     " failed again; %" PRId64 " left%s",
			     done, replaying->is_dry_run ? "rehearsed, and nothing changed" : "replayed",
			     replaying->handled, replaying->skipped, replaying->failed,
			     replaying->total > done ? replaying->total - done : 0,
			     events_in_words(replaying, arena));
	arena_free(&arena);
}

/* Of one in flight at the end, the database has both its effect and its attempt, or neither. */
static enum exit_status replay_all(struct replaying *replaying)
{
	const struct invocation *invocation = replaying->call->invocation;

	replaying->base = must(event_base_new());
	replaying->arena = arena_new(4096);
	replaying->page =
		(struct dead_letter_page){.max = ROWS, .with_payload = true, .arena = arena_new(64 * 1024)};
	make_events(replaying);
	replaying->replayer = replayer_new(replaying->base, &invocation->config, invocation->logger,
					   replaying->is_dry_run, on_unit, replaying);
	engine_on_change(replayer_engine(replaying->replayer), on_change, replaying);
	replaying->begun_us = monotonic_us();
	set_timer(replaying->next, 0);
	event_base_dispatch(replaying->base);
	replayer_free(&replaying->replayer);
	free_events(replaying);
	event_base_free(replaying->base);
	arena_free(&replaying->page.arena);
	arena_free(&replaying->arena);
	sum_up(replaying);
	if (replaying->status != STATUS_DONE)
		return replaying->status;
	return replaying->failed ? STATUS_FAILED : dead_letter_call_status(replaying->call);
}

/* ---- before it begins ---- */

static enum exit_status replay(struct dead_letter_call *call)
{
	const struct invocation *invocation = call->invocation;
	struct replaying replaying = {
		.call = call,
		.who = audit_user_name(invocation->arena),
		.is_dry_run = invocation_flag(invocation, "dry-run"),
		.json = invocation_flag(invocation, "json"),
	};
	struct dead_letter_census census;
	enum exit_status status;
	const char *error;

	if (!positive_option(invocation, "rate", &replaying.rate, &error))
		return dead_letter_call_say(call, STATUS_USAGE, "%s", error);
	if (replaying.is_dry_run &&
	    !replayer_can_dry_run(&invocation->config, CONNECT_MS, invocation->arena, &error, &status))
		return dead_letter_call_say(call, status, "%s", error);
	replay_edits_read(&replaying.edits, invocation);
	status = dead_letter_call_count(call, &census);
	if (status == STATUS_DONE)
		status = replay_edits_check(&replaying.edits, call, &census);
	if (status != STATUS_DONE)
		return status;
	if (!census.total) {
		dead_letter_call_say(call, STATUS_DONE, "no dead letters");
		return dead_letter_call_status(call);
	}
	replaying.total = census.total;
	if (!replaying.is_dry_run)
		status = dead_letter_call_confirm(call, "Replay", &census);
	return status == STATUS_DONE ? replay_all(&replaying) : status;
}

enum exit_status command_dead_letters_replay(const struct invocation *invocation)
{
	struct dead_letter_call call;
	enum exit_status status = dead_letter_call_open(&call, invocation);

	if (status == STATUS_DONE)
		status = replay(&call);
	dead_letter_call_close(&call);
	return status;
}
