/*
 * Replays dead letters one after the other, as the worker would handle them.
 *
 *     submit a letter ─► answered, wait until the next one is due ─► publish ─► end
 *            ▲                                             │
 *            └── there is a next one, and no signal came ──┘
 *
 * Each attempt commits together with its effect, so this process may end at any moment.
 */
#include "entrypoints/replay/replay_run.h"

#include "adapters/codec/codec.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/replay/replay_report.h"
#include "entrypoints/replay/replayer.h"

#include <event2/event.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>

#define ROWS 20

/* Time limits: of the letter in flight after a signal, and of publishing events after the last letter. */
#define STOP_MS    8000
#define PUBLISH_MS 3000

/* Between two objects of progress. */
#define PROGRESS_US (200 * 1000)

enum replay_phase {
	WORKING,    /* waits for an answer, or until the next letter is due */
	STOPPING,   /* waits for the answer to the letter in flight, after a signal */
	PUBLISHING, /* waits for the engine to publish what was committed */
	ENDED,
};

struct run {
	struct dead_letter_call *call;
	const struct replay_options *options;

	struct event_base *base;
	struct event *on_sigterm, *on_sigint;
	struct event *next;     /* fires when the next letter is due */
	struct event *deadline; /* of the phase; while WORKING: of an outage of the database */
	struct replayer *replayer;
	int64_t begun_us;
	enum replay_phase phase;
	enum exit_status status; /* why the run ended early; STATUS_DONE: it did not */

	struct dead_letter_page page;
	size_t at;                        /* index in the page */
	const struct dead_letter *letter; /* in flight, or NULL */
	struct arena *arena;              /* for one letter */
	struct dry_run_effects effects;   /* of the letter */
	bool own_unit_was_shown;          /* later units are then steps of the letter's shrink */

	int64_t submitted;
	struct replay_progress progress;
	int64_t progress_printed_us; /* by monotonic_us(); 0: not yet */
	int64_t events_of[MSG_TYPES];
};

/* ---- time ---- */

static void set_timer(struct event *timer, int64_t us)
{
	const struct timeval delay = {us / 1000000, us % 1000000};

	event_add(timer, &delay);
}

/* Measures from the beginning and not from the last letter, so that delays do not add up. */
static void wait_for_next(struct run *run)
{
	int64_t interval_us = run->options->rate ? 1000000 / run->options->rate : 0;
	int64_t wait_us = run->begun_us + run->submitted * interval_us - monotonic_us();

	set_timer(run->next, wait_us > 0 ? wait_us : 0);
}

/* ---- the answer to a letter ---- */

static void print_progress(struct run *run)
{
	if (!run->options->counts_only)
		return;
	replay_progress_print(&run->progress, stdout);
	fflush(stdout);
	run->progress_printed_us = monotonic_us();
}

static void report_letter(struct run *run, const struct replay_report *report)
{
	if (run->options->counts_only) {
		if (monotonic_us() - run->progress_printed_us >= PROGRESS_US)
			print_progress(run);
	} else if (run->options->json) {
		replay_report_print_json(report, stdout);
	} else {
		replay_report_print(report, stdout);
	}
	fflush(stdout);
}

static void finish_letter(struct run *run, const char *outcome, const char *reason, int64_t *counter)
{
	const struct replay_report report = {
		.letter = run->letter,
		.outcome = outcome,
		.reason = reason,
		.effects = &run->effects,
		.is_dry_run = run->options->is_dry_run,
	};

	++*counter;
	for (int type = 0; type < MSG_TYPES; type++)
		run->events_of[type] += run->effects.events_of[type];
	if (counter == &run->progress.failed) {
		replay_progress_note_failure(&run->progress, &report);
		if (run->options->stops_at_failure)
			run->progress.stopped_at = run->letter->id;
	}
	report_letter(run, &report);
	run->letter = NULL;
	if (run->phase == STOPPING)
		set_timer(run->next, 0);
	else
		wait_for_next(run);
}

static int64_t *counter_of(struct run *run, enum outcome outcome)
{
	if (outcome == OUTCOME_HANDLED)
		return &run->progress.handled;
	return outcome == OUTCOME_SKIPPED ? &run->progress.skipped : &run->progress.failed;
}

static void end_early(struct run *run, enum exit_status status);

static void on_answered(void *context, const struct delivery *delivery)
{
	struct run *run = context;

	if (replayer_lost_dry_run(run->replayer)) {
		dead_letter_call_report(
			run->call, STATUS_TRY_AGAIN,
			"the connection to the database was lost, and the effects of the dry run with it:"
			" start it again");
		end_early(run, STATUS_TRY_AGAIN);
		return;
	}
	finish_letter(run, outcome_name(delivery->outcome), delivery->reason,
		      counter_of(run, delivery->outcome));
}

/* Whether the unit holds a command of the process that the letter began. */
static bool runs_process(const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->inbox_count; i++) {
		if (strncmp(uow->inbox[i]->parts.source, PROCESS_SOURCE, strlen(PROCESS_SOURCE)) == 0)
			return true;
	}
	return false;
}

/*
 * Units before the letter's own belong to a shrink that the letter waits for, or to its process; units after
 * it are the steps of its own shrink.
 */
static void on_unit(void *context, const struct unit_of_work *uow)
{
	struct run *run = context;

	run->own_unit_was_shown |= uow->replayed_count > 0;
	if (run->own_unit_was_shown || runs_process(uow))
		dry_run_effects_note(&run->effects, uow, codec_payload_to_line);
}

/* ---- submitting a letter ---- */

static void end_early(struct run *run, enum exit_status status)
{
	run->status = status;
	run->phase = ENDED;
	event_base_loopexit(run->base, NULL);
}

static const struct dead_letter *next_letter(struct run *run)
{
	const struct failure *failure;

	if (run->at == run->page.count) {
		run->at = 0;
		failure = dead_letter_call_read_page(run->call, &run->page);
		if (failure)
			end_early(run, dead_letter_call_report_failure(run->call, failure));
		if (failure || !run->page.count)
			return NULL;
	}
	return &run->page.letters[run->at++];
}

static void resend(struct run *run)
{
	struct dead_letters *letters = run->call->letters;
	const struct failure *failure = NULL;
	bool done = true;

	if (!run->options->is_dry_run)
		failure = letters->ops->resend(letters, run->letter, run->options->who, &done);
	if (failure)
		end_early(run, dead_letter_call_report_failure(run->call, failure));
	else if (done)
		finish_letter(run, "handled", "the mail is to be sent again", &run->progress.handled);
	else
		finish_letter(run, "skipped", "duplicate", &run->progress.skipped);
}

static void submit(struct run *run, struct bytes payload)
{
	const struct dead_letter *letter = run->letter;
	const struct replay replay = {
		.dead_letter = letter->id,
		.attempts = letter->attempts,
		.who = run->options->who,
		.edits = run->options->edits.joined,
	};
	struct arrival arrival = replay_arrival(letter, &run->options->edits, payload);

	arrival.replay = &replay;
	arrival.answered = on_answered;
	arrival.context = run;
	engine_submit(replayer_engine(run->replayer), &arrival);
}

static void edit_and_submit(struct run *run)
{
	struct bytes payload;
	const char *error;

	if (replay_edits_apply(&run->options->edits, run->letter, run->arena, &payload, &error))
		submit(run, payload);
	else
		finish_letter(run, "not replayed", arena_printf(run->arena, "cannot be edited: %s", error),
			      &run->progress.failed);
}

/* ---- publishing ---- */

static void on_drained(void *context)
{
	struct run *run = context;

	run->phase = ENDED;
	event_base_loopexit(run->base, NULL);
}

static void publish(struct run *run)
{
	if (run->options->is_dry_run) {
		on_drained(run);
		return;
	}
	run->phase = PUBLISHING;
	set_timer(run->deadline, PUBLISH_MS * 1000);
	engine_drain(replayer_engine(run->replayer), on_drained, run);
}

/* ---- events ---- */

static void on_next(evutil_socket_t socket, short what, void *context)
{
	struct run *run = context;

	(void)socket, (void)what;
	arena_clear(run->arena);
	run->effects = (struct dry_run_effects){.arena = run->arena};
	run->own_unit_was_shown = false;
	if (run->phase == WORKING && !run->progress.stopped_at)
		run->letter = next_letter(run);
	if (run->phase == ENDED)
		return;
	if (!run->letter) {
		publish(run);
		return;
	}
	run->submitted++;
	if (strcmp(run->letter->transport, TRANSPORT_NAME_MAIL) == 0)
		resend(run);
	else
		edit_and_submit(run);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct run *run = context;

	(void)number, (void)what;
	if (run->phase != WORKING) {
		end_early(run, run->phase == PUBLISHING ? run->status : STATUS_TRY_AGAIN);
		return;
	}
	run->phase = STOPPING;
	run->status = STATUS_TRY_AGAIN;
	set_timer(run->deadline, STOP_MS * 1000);
	if (!run->letter)
		set_timer(run->next, 0);
}

static void on_deadline(evutil_socket_t socket, short what, void *context)
{
	struct run *run = context;

	(void)socket, (void)what;
	if (run->phase == PUBLISHING) {
		dead_letter_call_report(
			run->call, STATUS_DONE,
			"not all events were published before the end: a worker publishes the rest");
		end_early(run, run->status);
		return;
	}
	dead_letter_call_report(run->call, STATUS_TRY_AGAIN, "the database went away");
	end_early(run, STATUS_TRY_AGAIN);
}

/* The engine retries without a limit; a command ends when the database stays away for too long. */
static void on_change(void *context)
{
	struct run *run = context;
	const struct config *config = &run->call->invocation->config;
	bool up = engine_stats(replayer_engine(run->replayer))->database_up;

	if (run->phase != WORKING)
		return;
	if (up)
		event_del(run->deadline);
	else if (!event_pending(run->deadline, EV_TIMEOUT, NULL))
		set_timer(run->deadline, (int64_t)config->start_wait_s * 1000000);
}

/* ---- the run ---- */

static void make_events(struct run *run)
{
	struct event_base *base = run->base;

	run->on_sigterm = must(evsignal_new(base, SIGTERM, on_signal, run));
	run->on_sigint = must(evsignal_new(base, SIGINT, on_signal, run));
	run->next = must(evtimer_new(base, on_next, run));
	run->deadline = must(evtimer_new(base, on_deadline, run));
	event_add(run->on_sigterm, NULL);
	event_add(run->on_sigint, NULL);
}

static void free_events(struct run *run)
{
	event_free(run->on_sigterm);
	event_free(run->on_sigint);
	event_free(run->next);
	event_free(run->deadline);
}

/* "; events: 6 line_allocated, 3 out_of_stock", or "". */
static const char *events_in_words(const struct run *run, struct arena *arena)
{
	const char *words = "";

	for (int type = 0; type < MSG_TYPES; type++) {
		if (run->events_of[type])
			words = arena_printf(arena, "%s%s%" PRId64 " %s", words,
					     *words ? ", " : "; events: ", run->events_of[type],
					     message_name((enum message_type)type));
	}
	return words;
}

static void print_summary(const struct run *run)
{
	const struct replay_progress *progress = &run->progress;
	int64_t done = progress->handled + progress->skipped + progress->failed;
	struct arena *arena = arena_new(256);

	dead_letter_call_report(
		run->call, STATUS_DONE,
		"%" PRId64 " %s: %" PRId64 " handled, %" PRId64 " skipped, %" PRId64 " failed again; %" PRId64
		" left%s",
		done, run->options->is_dry_run ? "replayed in a dry run, nothing changed" : "replayed",
		progress->handled, progress->skipped, progress->failed,
		progress->total > done ? progress->total - done : 0, events_in_words(run, arena));
	arena_free(&arena);
}

/* If a letter is in flight at the end, the database has both its effect and its attempt, or neither. */
static enum exit_status replay_all(struct run *run)
{
	const struct invocation *invocation = run->call->invocation;

	run->base = must(event_base_new());
	run->arena = arena_new(4096);
	run->page =
		(struct dead_letter_page){.max = ROWS, .with_payload = true, .arena = arena_new(64 * 1024)};
	make_events(run);
	run->replayer = replayer_new(run->base, &invocation->config, invocation->logger,
				     run->options->is_dry_run, on_unit, run);
	engine_on_change(replayer_engine(run->replayer), on_change, run);
	run->progress.total = run->options->total;
	run->begun_us = monotonic_us();
	print_progress(run);
	set_timer(run->next, 0);
	event_base_dispatch(run->base);
	replayer_free(&run->replayer);
	free_events(run);
	event_base_free(run->base);
	arena_free(&run->page.arena);
	arena_free(&run->arena);
	print_progress(run);
	json_decref(run->progress.failures);
	if (run->status == STATUS_DONE || !run->options->json)
		print_summary(run); /* else the last error is why the run ended early */
	if (run->status != STATUS_DONE)
		return run->status;
	return run->progress.failed ? STATUS_FAILED : dead_letter_call_status(run->call);
}

enum exit_status replay_run(struct dead_letter_call *call, const struct replay_options *options)
{
	struct run run = {.call = call, .options = options};

	return replay_all(&run);
}
