/* The rounds of a worker: beat, read the roll, and act on it. */
#include "bus/leases/lease_keeper.h"

#include "bus/leases/share_out.h"
#include "bus/leases/workers_alive.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* The next roll is read sooner while another worker is to hand a lease over to this one. */
#define SOON_MS 100

/* How often it is looked whether work that was stopped is idle. */
#define LOOK_MS 10

/*
 * A lease that another worker is to have is handed over even if its work is not idle by then: the rest of it is
 * left to that worker.
 */
#define HAND_OVER_MS 1000

/* A holder that cannot do the work for so long lets another one have the lease. */
#define UNABLE_MS 1000

/* A unit that is being committed under a lease keeps it from being taken for this long; then it is ended. */
#define PATIENCE_MS 1000

enum leased_state {
	LEASED_ELSEWHERE, /* until this worker is to have the lease, and nobody alive has it */
	LEASED_TAKING,    /* for the store */
	LEASED_HELD,      /* until it is lost, or another worker is to have it */
	LEASED_NOTING,    /* for the store: the changed note */
	LEASED_STOPPING,  /* for the work to be idle */
	LEASED_GIVING,    /* for the store */
};

struct leased {
	struct leased *next;
	struct lease_keeper *keeper;
	char *name;
	const struct leased_ops *ops;
	void *it;

	enum leased_state state;
	struct lease *lease; /* NULL: elsewhere */
	bool is_unknown; /* while taking: the store failed, and the next roll shows whether it was taken */
	bool is_working; /* `begin` was called, and `stop` was not */
	char *noted;     /* in the lease, by this worker */
	char *last_note; /* of the holder before, until the work begins */
	bool changed;    /* the answer of the store */
	bool is_unable;  /* to do the work, since this time */
	int64_t unable_ms;
	bool is_busy; /* a unit that is being committed keeps the lease, since this time */
	int64_t busy_ms;
	int64_t stop_ms;   /* when the work was stopped */
	bool is_elsewhere; /* as of the last roll, another worker that is alive has it, */
	bool is_wanted;    /* or is to have it */
};

struct lease_keeper {
	struct lease_keeper_ports ports;
	char *name;
	char id[LEASE_UUID_SIZE];
	struct leased *first, **end;
	size_t count;
	struct timer *beat_timer, *look_timer;

	struct arena *arena; /* of the round */
	struct lease_roll roll;
	struct worker_row self;
	struct workers_alive alive;
	bool is_started, is_beating, is_failing;
	bool is_stopping, is_leaving, has_left;
};

static int64_t now_ms(const struct lease_keeper *keeper)
{
	return keeper->ports.clock->ops->now_ms(keeper->ports.clock);
}

static void set_timer(struct lease_keeper *keeper, struct timer *timer, int64_t delay_ms)
{
	keeper->ports.clock->ops->timer_set(timer, delay_ms);
}

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
	leased->ops->begin(leased->it, leased->lease, leased->last_note ? leased->last_note : "");
	set_text(&leased->last_note, NULL);
}

/* The lease is not this worker's any more: nothing that is not committed yet will be. */
static void be_without(struct leased *leased)
{
	if (leased->lease)
		leased->lease->is_lost = true;
	stop_work(leased);
	if (leased->state != LEASED_TAKING)
		leased->ops->lost(leased->it);
	lease_release(&leased->lease);
	set_text(&leased->noted, NULL);
	leased->state = LEASED_ELSEWHERE;
	leased->is_unknown = false;
}

static void lose(struct leased *leased)
{
	LOG(leased->keeper->ports.logger, LOG_WARN,
	    "lease lost: another worker has taken it, and does what was not finished",
	    LOG_TEXT("lease", leased->name));
	be_without(leased);
}

/* ---- changes in the store ---- */

static void look(void *context);

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
	if (failure)
		set_text(&leased->noted, ""); /* it may or may not be noted: again in the next round */
	else if (!leased->changed)
		lose(leased);
	if (!failure)
		look(leased->keeper);
}

static void write_note(struct leased *leased, const char *note)
{
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

/* The lease is this worker's.  The work begins, or goes on, once its note is in the lease. */
static void hold(struct leased *leased)
{
	const char *note = leased->ops->note(leased->it);

	if (!note)
		return;
	if (strcmp(note, leased->noted) != 0)
		write_note(leased, note);
	else if (!leased->is_working)
		begin_work(leased);
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
		leased->busy_ms = now_ms(keeper);
	leased->is_busy = failure;
	if (failure || !leased->changed) {
		be_without(leased);
		set_timer(keeper, keeper->beat_timer, SOON_MS);
		return;
	}
	leased->state = LEASED_HELD;
	LOG(keeper->ports.logger, LOG_INFO, "lease taken", LOG_TEXT("lease", leased->name));
	if (keeper->is_stopping)
		look(keeper);
	else
		hold(leased);
}

static void take(struct leased *leased, const struct lease_row *row, const char *note)
{
	struct lease_keeper *keeper = leased->keeper;

	leased->state = LEASED_TAKING;
	leased->lease = lease_new(leased->name, keeper->ports.random);
	set_text(&leased->noted, note);
	set_text(&leased->last_note, row->note);
	send_change(
		leased,
		&(struct lease_change){
			.name = leased->name,
			.from = row->term,
			.to = {leased->name, leased->lease->term, keeper->id, leased->noted},
			.ends_sessions = leased->is_busy && now_ms(keeper) - leased->busy_ms >= PATIENCE_MS,
		},
		on_taken);
}

/* ---- handing over ---- */

static void on_given(void *context, const struct failure *failure)
{
	struct leased *leased = context;

	if (!failure)
		LOG(leased->keeper->ports.logger, LOG_INFO, "lease handed over",
		    LOG_TEXT("lease", leased->name));
	/* After a failure the lease may still bear this worker's id, and a term that nobody has: see act(). */
	be_without(leased);
	look(leased->keeper);
}

/* With a new term, so that nothing is committed any more under the old one. */
static void give(struct leased *leased, const char *old_term, const char *note)
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

static void begin_to_stop(struct leased *leased)
{
	stop_work(leased);
	leased->state = LEASED_STOPPING;
	leased->stop_ms = now_ms(leased->keeper);
	set_timer(leased->keeper, leased->keeper->look_timer, 0);
}

/* ---- what depends on no roll ---- */

static bool is_any(const struct lease_keeper *keeper, enum leased_state state)
{
	const struct leased *it = keeper->first;

	while (it && it->state != state)
		it = it->next;
	return it;
}

static void on_left(void *context, const struct failure *failure)
{
	struct lease_keeper *keeper = context;

	(void)failure; /* the row is deleted by another worker, one day */
	keeper->has_left = true;
}

static void leave_when_done(struct lease_keeper *keeper)
{
	const struct leased *it = keeper->first;

	while (it && it->state == LEASED_ELSEWHERE)
		it = it->next;
	if (it || keeper->is_leaving || keeper->is_beating)
		return;
	keeper->is_leaving = true;
	keeper->ports.store->ops->leave(keeper->ports.store, keeper->id, on_left, keeper);
}

static void look_at(struct leased *leased)
{
	const struct lease_keeper *keeper = leased->keeper;

	/* A unit of work was refused, because the term is not that of the lease any more. */
	if (leased->lease && leased->lease->is_lost && leased->state == LEASED_HELD)
		lose(leased);
	if (leased->state == LEASED_HELD && keeper->is_stopping)
		begin_to_stop(leased);
	else if (leased->state == LEASED_HELD)
		hold(leased);
	if (leased->state == LEASED_STOPPING &&
	    (leased->ops->is_idle(leased->it) ||
	     (leased->is_wanted && now_ms(keeper) - leased->stop_ms >= HAND_OVER_MS)))
		give(leased, leased->lease->term, leased->noted);
}

static void look(void *context)
{
	struct lease_keeper *keeper = context;

	for (struct leased *it = keeper->first; it; it = it->next)
		look_at(it);
	if (is_any(keeper, LEASED_STOPPING))
		set_timer(keeper, keeper->look_timer, LOOK_MS);
	if (keeper->is_stopping)
		leave_when_done(keeper);
}

void lease_keeper_check(struct lease_keeper *keeper)
{
	bool is_new_candidate = false;

	for (const struct leased *it = keeper->first; it; it = it->next)
		is_new_candidate = is_new_candidate || (it->is_unable && it->ops->note(it->it));
	if (is_new_candidate)
		set_timer(keeper, keeper->beat_timer, 0);
	look(keeper);
}

/* ---- a roll ---- */

static bool is_self(const struct lease_keeper *keeper, const char *id)
{
	return !strcmp(id, keeper->id);
}

static bool is_alive(const struct lease_keeper *keeper, const char *id)
{
	return is_self(keeper, id) || workers_alive_has(&keeper->alive, id, now_ms(keeper));
}

/* Whether nobody else has it. */
static bool is_free(const struct lease_keeper *keeper, const struct lease_row *row)
{
	return is_self(keeper, row->holder) || !is_alive(keeper, row->holder);
}

/* What the roll says about this worker's own leases. */
static void compare(struct leased *leased, const struct lease_row *row)
{
	bool is_ours = leased->lease && !strcmp(row->term, leased->lease->term);

	leased->is_elsewhere = !is_ours && !is_free(leased->keeper, row);
	if (leased->state == LEASED_TAKING && leased->is_unknown) {
		leased->is_unknown = false;
		if (is_ours)
			leased->state = LEASED_HELD;
		else
			be_without(leased);
	} else if (!is_ours && (leased->state == LEASED_HELD || leased->state == LEASED_STOPPING)) {
		lose(leased);
	}
}

/*
 * A lease that bears this worker's id though the worker does not have it was taken, or not given, by a call
 * whose answer was lost.
 */
static void act(struct leased *leased, const struct lease_row *row, const char *owner)
{
	struct lease_keeper *keeper = leased->keeper;
	bool is_owner = owner && is_self(keeper, owner);
	const char *note = leased->ops->note(leased->it);

	leased->is_wanted = owner && !is_owner;
	if (keeper->is_stopping)
		return;
	if (leased->state == LEASED_ELSEWHERE && is_owner && is_free(keeper, row) && note)
		take(leased, row, note);
	else if (leased->state == LEASED_ELSEWHERE && is_owner)
		set_timer(keeper, keeper->beat_timer, SOON_MS);
	else if (leased->state == LEASED_ELSEWHERE && is_self(keeper, row->holder))
		give(leased, row->term, row->note);
	else if (leased->state == LEASED_HELD && leased->is_wanted)
		begin_to_stop(leased);
}

static size_t find_worker(const struct worker_row *const *workers, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(workers[i]->id, id))
			return i;
	}
	return NO_WORKER;
}

static bool is_candidate(const struct worker_row *worker, const char *lease)
{
	for (size_t i = 0; i < worker->candidacy_count; i++) {
		if (!strcmp(worker->candidacies[i], lease))
			return true;
	}
	return false;
}

/* The worker that counts as the holder.  This worker continues what it had before it was started again. */
static const char *successor_of(const struct lease_keeper *keeper, const char *id)
{
	const struct lease_roll *roll = &keeper->roll;

	for (size_t i = 0; i < roll->worker_count && !is_alive(keeper, id); i++) {
		if (!strcmp(roll->workers[i].id, id) && !strcmp(roll->workers[i].name, keeper->name))
			return keeper->id;
	}
	return id;
}

/* Returns the id of the worker that is to have each lease, or NULL: nobody could have it. */
static const char *const *owners_of(struct lease_keeper *keeper)
{
	const struct lease_roll *roll = &keeper->roll;
	struct arena *arena = keeper->arena;
	const struct worker_row **workers = arena_alloc(arena, (roll->worker_count + 1) * sizeof *workers);
	size_t *holder = arena_alloc(arena, (roll->lease_count + 1) * sizeof *holder);
	const char **owners = arena_alloc(arena, (roll->lease_count + 1) * sizeof *owners);
	struct share_out it = {.lease_count = roll->lease_count, .holder = holder};
	bool *can_have;

	for (size_t i = 0; i < roll->worker_count; i++) {
		if (is_alive(keeper, roll->workers[i].id))
			workers[it.worker_count++] = &roll->workers[i];
	}
	it.can_have = can_have = arena_alloc(arena, it.worker_count * it.lease_count + 1);
	it.count = arena_alloc(arena, (it.worker_count + 1) * sizeof *it.count);
	it.owner = arena_alloc(arena, (it.lease_count + 1) * sizeof *it.owner);
	for (size_t lease = 0; lease < it.lease_count; lease++) {
		holder[lease] = find_worker(workers, it.worker_count,
					    successor_of(keeper, roll->leases[lease].holder));
		for (size_t worker = 0; worker < it.worker_count; worker++)
			can_have[worker * it.lease_count + lease] =
				is_candidate(workers[worker], roll->leases[lease].name);
	}
	share_out(&it);
	for (size_t lease = 0; lease < it.lease_count; lease++)
		owners[lease] = it.owner[lease] == NO_WORKER ? NULL : workers[it.owner[lease]]->id;
	return owners;
}

static struct leased *find_leased(const struct lease_keeper *keeper, const char *name)
{
	struct leased *it = keeper->first;

	while (it && strcmp(it->name, name) != 0)
		it = it->next;
	return it;
}

static void act_on_roll(struct lease_keeper *keeper)
{
	const char *const *owners = owners_of(keeper);

	for (size_t i = 0; i < keeper->roll.lease_count; i++) {
		const struct lease_row *row = &keeper->roll.leases[i];
		struct leased *leased = find_leased(keeper, row->name);

		if (!leased)
			continue;
		compare(leased, row);
		act(leased, row, owners[i]);
	}
	look(keeper);
}

/* ---- the beat ---- */

static void on_beaten(void *context, const struct failure *failure)
{
	struct lease_keeper *keeper = context;
	int64_t next_ms;

	keeper->is_beating = false;
	keeper->is_failing = failure;
	if (failure) {
		workers_alive_lose(&keeper->alive);
		set_timer(keeper, keeper->beat_timer, LEASE_BEAT_MS);
		look(keeper);
		return;
	}
	workers_alive_see(&keeper->alive, &keeper->roll, &keeper->self, now_ms(keeper));
	next_ms = workers_alive_next_death_ms(&keeper->alive, now_ms(keeper)) - now_ms(keeper);
	set_timer(keeper, keeper->beat_timer, next_ms < LEASE_BEAT_MS ? next_ms : LEASE_BEAT_MS);
	act_on_roll(keeper);
}

/* A holder that cannot do the work for a moment, for example while it reconnects, stays a candidate. */
static bool could_have(struct leased *leased)
{
	int64_t now = now_ms(leased->keeper);

	if (leased->keeper->is_stopping)
		return false;
	if (!leased->is_unable)
		leased->unable_ms = now;
	leased->is_unable = !leased->ops->note(leased->it);
	return !leased->is_unable ||
	       (leased->state != LEASED_ELSEWHERE && now - leased->unable_ms < UNABLE_MS);
}

static void beat(void *context)
{
	struct lease_keeper *keeper = context;
	const char **candidacies;

	if (keeper->is_beating || keeper->is_leaving)
		return;
	arena_clear(keeper->arena);
	candidacies = arena_alloc(keeper->arena, (keeper->count + 1) * sizeof *candidacies);
	keeper->self = (struct worker_row){
		.id = keeper->id, .name = keeper->name, .ttl_ms = LEASE_TTL_MS, .candidacies = candidacies};
	for (struct leased *it = keeper->first; it; it = it->next) {
		if (could_have(it))
			candidacies[keeper->self.candidacy_count++] = it->name;
	}
	keeper->is_beating = true;
	keeper->ports.store->ops->beat(keeper->ports.store, &keeper->self, &keeper->roll, keeper->arena,
				       on_beaten, keeper);
}

/* ---- its life ---- */

struct lease_keeper *lease_keeper_new(const struct lease_keeper_ports *ports, const char *worker)
{
	struct lease_keeper *keeper = must_alloc(sizeof *keeper);
	struct clock *clock = ports->clock;

	keeper->ports = *ports;
	keeper->name = must(strdup(worker));
	keeper->end = &keeper->first;
	keeper->arena = arena_new(4096);
	lease_uuid(keeper->id, ports->random);
	keeper->beat_timer = clock->ops->timer_new(clock, beat, keeper);
	keeper->look_timer = clock->ops->timer_new(clock, look, keeper);
	return keeper;
}

void lease_keeper_free(struct lease_keeper **keeper)
{
	struct lease_keeper *it = *keeper;
	struct leased *next;

	if (!it)
		return;
	it->ports.clock->ops->timer_free(&it->beat_timer);
	it->ports.clock->ops->timer_free(&it->look_timer);
	for (struct leased *leased = it->first; leased; leased = next) {
		next = leased->next;
		lease_release(&leased->lease);
		free(leased->noted);
		free(leased->last_note);
		free(leased->name);
		free(leased);
	}
	workers_alive_release(&it->alive);
	arena_free(&it->arena);
	free(it->name);
	free(it);
	*keeper = NULL;
}

void lease_keeper_add(struct lease_keeper *keeper, const char *name, const struct leased_ops *ops, void *it)
{
	struct leased *leased = must_alloc(sizeof *leased);

	leased->keeper = keeper;
	leased->name = must(strdup(name));
	leased->ops = ops;
	leased->it = it;
	*keeper->end = leased;
	keeper->end = &leased->next;
	keeper->count++;
}

void lease_keeper_start(struct lease_keeper *keeper)
{
	keeper->is_started = true;
	set_timer(keeper, keeper->beat_timer, 0);
}

void lease_keeper_stop(struct lease_keeper *keeper)
{
	keeper->is_stopping = true;
	look(keeper);
	set_timer(keeper, keeper->beat_timer, 0); /* tells the others */
}

bool lease_keeper_has_left(const struct lease_keeper *keeper)
{
	return keeper->has_left || (keeper->is_stopping && keeper->is_failing);
}

static const struct leased *find_it(const struct lease_keeper *keeper, const void *it)
{
	const struct leased *leased = keeper->first;

	while (leased->it != it)
		leased = leased->next;
	return leased;
}

bool lease_keeper_has(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->is_working;
}

bool lease_keeper_is_elsewhere(const struct lease_keeper *keeper, const void *it)
{
	return find_it(keeper, it)->is_elsewhere;
}
