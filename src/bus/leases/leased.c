/* One lease of the keeper: taking, noting, handing over and losing it. */
#include "bus/leases/lease_keeper_internal.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* A unit that is being committed under a lease keeps it from being taken for this long; then it is ended. */
#define PATIENCE_MS 1000

static void set_text(char **place, const char *text)
{
	char *copy = text ? must(strdup(text)) : NULL;

	free(*place);
	*place = copy;
}

/* ---- the work ---- */

static void stop_work(struct leased *leased)
{
	if (!leased->is_working)
		return;
	leased->is_working = false;
	leased->ops->stop(leased->it);
}

static void begin_work(struct leased *leased)
{
	leased->is_working = true;
	leased->is_resumed =
		leased->own_term && leased->last_term && !strcmp(leased->own_term, leased->last_term);
	set_text(&leased->own_term, leased->lease->term);
	leased->ops->begin(leased->it, leased->lease, leased->last_note);
}

void leased_be_without(struct leased *leased)
{
	if (leased->lease)
		leased->lease->is_lost = true;
	stop_work(leased);
	if (leased->state != LEASED_ENDING && leased->state != LEASED_TAKING)
		leased->ops->lost(leased->it);
	lease_release(&leased->lease);
	set_text(&leased->noted, NULL);
	leased->state = LEASED_ELSEWHERE;
	leased->is_unknown = false;
}

void leased_lose(struct leased *leased)
{
	LOG(leased->keeper->ports.logger, LOG_WARN,
	    "lease lost: another worker has taken it, and does what was not finished",
	    LOG_TEXT("lease", leased->name), LOG_TEXT("code", LEASE_LOST));
	leased->was_lost = true;
	leased->keeper->losses++;
	leased_be_without(leased);
}

/* ---- changes in the store ---- */

static void send_change(struct leased *leased, const struct lease_change *change, store_done *done)
{
	struct lease_store *store = leased->keeper->ports.store;

	leased->changed = false;
	store->ops->change(store, change, &leased->changed, done, leased);
}

static void on_noted(void *context, const struct failure *failure)
{
	struct leased *leased = context;

	leased->state = LEASED_HELD;
	leased->is_noted = !failure;
	if (!failure && !leased->changed)
		leased_lose(leased);
	if (!failure)
		keeper_look(leased->keeper);
}

static void write_note(struct leased *leased, const char *note)
{
	if (!leased_notes_progress(leased))
		stop_work(leased);
	set_text(&leased->noted, note);
	leased->state = LEASED_NOTING;
	send_change(leased,
		    &(struct lease_change){
			    .name = leased->name,
			    .from = leased->lease->term,
			    .to = {leased->name, leased->lease->term, leased->keeper->id, leased->noted},
		    },
		    on_noted);
}

void leased_hold(struct leased *leased)
{
	const char *note = leased->ops->note(leased->it);
	bool is_new;

	if (!note)
		return;
	is_new = !leased->is_noted || strcmp(note, leased->noted) != 0;
	if (!leased->is_working && (leased_notes_progress(leased) || !is_new))
		begin_work(leased);
	else if (is_new)
		write_note(leased, note);
}

static void on_taken(void *context, const struct failure *failure)
{
	struct leased *leased = context;
	struct lease_keeper *keeper = leased->keeper;

	if (failure && failure->kind != FAILURE_BUSY) {
		leased->is_unknown = true;
		return;
	}
	if (failure && !leased->is_busy)
		leased->busy_ms = keeper_now_ms(keeper);
	leased->is_busy = failure;
	if (failure || !leased->changed) {
		leased_be_without(leased);
		keeper_set_timer(keeper, keeper->beat_timer, LEASE_SOON_MS);
		return;
	}
	leased->state = LEASED_HELD;
	leased->was_lost = false;
	LOG(keeper->ports.logger, LOG_INFO, "lease taken", LOG_TEXT("lease", leased->name));
	if (keeper->is_stopping)
		keeper_look(keeper);
	else
		leased_hold(leased);
}

static void take(struct leased *leased)
{
	struct lease_keeper *keeper = leased->keeper;

	leased->state = LEASED_TAKING;
	leased->lease = lease_new(leased->name, keeper->ports.random);
	leased->is_noted = true;
	send_change(
		leased,
		&(struct lease_change){
			.name = leased->name,
			.from = leased->last_term,
			.from_note = leased->last_note,
			.streams = stream_gate_has(&keeper->gate, leased->name) ? keeper->gate.text : NULL,
			.to = {leased->name, leased->lease->term, keeper->id, leased->noted},
			.ends_sessions =
				leased->is_busy && keeper_now_ms(keeper) - leased->busy_ms >= PATIENCE_MS,
		},
		on_taken);
}

static void on_ended(void *context, const struct failure *failure)
{
	struct leased *leased = context;
	struct lease_keeper *keeper = leased->keeper;
	bool is_refused = failure && failure->kind == FAILURE_FATAL;

	if (is_refused)
		LOG(keeper->ports.logger, LOG_WARN,
		    "what the last holder of the lease may still be reading cannot be ended",
		    LOG_TEXT("lease", leased->name), LOG_TEXT("error", failure->text));
	if (keeper->is_stopping || (failure && !is_refused) ||
	    !stream_gate_is_open(&keeper->gate, leased->name)) {
		leased_be_without(leased);
		keeper_set_timer(keeper, keeper->beat_timer, LEASE_SOON_MS);
	} else {
		take(leased);
	}
}

void leased_see(struct leased *leased, const struct lease_row *row)
{
	set_text(&leased->last_term, row->term);
	set_text(&leased->last_note, row->note);
}

void leased_take(struct leased *leased, const struct lease_row *row, const char *note)
{
	leased_see(leased, row);
	set_text(&leased->noted, leased_notes_progress(leased) ? row->note : note);
	if (!leased->ops->end || !*row->note || !strcmp(row->note, note)) {
		take(leased);
		return;
	}
	leased->state = LEASED_ENDING;
	leased->ops->end(leased->it, leased->last_note, on_ended, leased);
}

/* ---- handing over ---- */

static void on_given(void *context, const struct failure *failure)
{
	struct leased *leased = context;

	if (!failure)
		LOG(leased->keeper->ports.logger, LOG_INFO, "lease handed over",
		    LOG_TEXT("lease", leased->name));
	/* After a failure the lease may still bear this worker's id, under a lost term: see act(). */
	leased_be_without(leased);
	keeper_look(leased->keeper);
}

void leased_give(struct leased *leased, const char *old_term, const char *note)
{
	char term[LEASE_UUID_SIZE];

	lease_uuid(term, leased->keeper->ports.random);
	if (leased->lease)
		leased->lease->is_lost = true;
	leased->state = LEASED_GIVING;
	send_change(leased,
		    &(struct lease_change){
			    .name = leased->name, .from = old_term, .to = {leased->name, term, "", note}},
		    on_given);
}

void leased_moves(struct leased *leased)
{
	leased->has_moved = true;
	leased->moved_ms = keeper_now_ms(leased->keeper);
}

void leased_begin_to_stop(struct leased *leased)
{
	leased_moves(leased);
	stop_work(leased);
	leased->state = LEASED_STOPPING;
	leased->stop_ms = keeper_now_ms(leased->keeper);
	keeper_set_timer(leased->keeper, leased->keeper->look_timer, 0);
}

void leased_free(struct leased *leased)
{
	lease_release(&leased->lease);
	free(leased->noted);
	free(leased->last_term);
	free(leased->own_term);
	free(leased->last_note);
	free(leased->name);
	free(leased);
}
