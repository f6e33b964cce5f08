/* The rounds of a worker: beat, read the roll, and act on it. */
#include "bus/leases/lease_keeper.h"

#include "bus/leases/lease_keeper_internal.h"
#include "bus/leases/share_out.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* How often it is looked whether work that was stopped is idle. */
#define LOOK_MS 10

/*
 * A lease that another worker is to have is handed over even if its work is not idle by then: the rest of it
 * is left to that worker.
 */
#define HAND_OVER_MS 1000

/* A holder that cannot do the work for this time lets another one have the lease. */
#define UNABLE_MS 1000

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

/* Hands the lease over once its work is idle, or after a while, if the note of the work allows it. */
static void give_when_due(struct leased *leased)
{
	const struct lease_keeper *keeper = leased->keeper;
	bool is_wanted = leased->is_wanted || (keeper->is_stopping && lease_keeper_has_company(keeper));
	bool is_late = is_wanted && keeper_now_ms(keeper) - leased->stop_ms >= HAND_OVER_MS;
	const char *note = leased->noted;

	if (leased_notes_progress(leased))
		note = leased->ops->note(leased->it);
	else if (leased->ops->has_ended(leased->it))
		note = "";
	if (leased->ops->is_idle(leased->it) || (is_late && note))
		leased_give(leased, leased->lease->term, note ? note : leased->noted);
}

static void look_at(struct leased *leased)
{
	const struct lease_keeper *keeper = leased->keeper;

	/* A unit of work was refused, because the term is not that of the lease any more. */
	if (leased->lease && leased->lease->is_lost && leased->state == LEASED_HELD)
		leased_lose(leased);
	if (leased->state == LEASED_HELD && keeper->is_stopping)
		leased_begin_to_stop(leased);
	else if (leased->state == LEASED_HELD)
		leased_hold(leased);
	if (leased->state == LEASED_STOPPING)
		give_when_due(leased);
}

void keeper_look(struct lease_keeper *keeper)
{
	for (struct leased *it = keeper->first; it; it = it->next)
		look_at(it);
	if (is_any(keeper, LEASED_STOPPING))
		keeper_set_timer(keeper, keeper->look_timer, LOOK_MS);
	if (keeper->is_stopping)
		leave_when_done(keeper);
}

static void on_look(void *context)
{
	keeper_look(context);
}

/* A beat that is under way sets the timer anew when it ends, so it must know. */
static void beat_soon(struct lease_keeper *keeper)
{
	keeper->is_due = keeper->is_beating;
	if (!keeper->is_beating)
		keeper_set_timer(keeper, keeper->beat_timer, 0);
}

void lease_keeper_check(struct lease_keeper *keeper)
{
	bool is_new_candidate = false;

	for (const struct leased *it = keeper->first; it; it = it->next)
		is_new_candidate = is_new_candidate || (it->is_unable && it->ops->note(it->it));
	if (is_new_candidate)
		beat_soon(keeper);
	keeper_look(keeper);
}

/* ---- a roll ---- */

static void add_name(struct arena *arena, const char ***names, size_t *count, const char *name)
{
	*names = arena_grow(arena, *names, *count, sizeof **names);
	(*names)[(*count)++] = arena_strdup(arena, name);
}

static bool is_self(const struct lease_keeper *keeper, const char *id)
{
	return !strcmp(id, keeper->id);
}

static bool is_alive(const struct lease_keeper *keeper, const char *id)
{
	return is_self(keeper, id) || workers_alive_has(&keeper->alive, id, keeper_now_ms(keeper));
}

/* Whether no other worker has it. */
static bool is_free(const struct lease_keeper *keeper, const struct lease_row *row)
{
	return is_self(keeper, row->holder) || !is_alive(keeper, row->holder);
}

/* What the roll says about this worker's own leases. */
static void compare(struct leased *leased, const struct lease_row *row)
{
	bool is_ours = leased->lease && !strcmp(row->term, leased->lease->term);

	leased->is_elsewhere = !is_ours && !is_free(leased->keeper, row);
	if (leased->is_elsewhere)
		leased_moves(leased);
	leased->was_lost = leased->was_lost && !leased->is_elsewhere;
	leased->was_elsewhere |=
		leased->is_elsewhere && workers_alive_has_beaten(&leased->keeper->alive, row->holder);
	if (leased->state == LEASED_TAKING && leased->is_unknown) {
		leased->is_unknown = false;
		if (is_ours)
			leased->state = LEASED_HELD;
		else
			leased_be_without(leased);
	} else if (!is_ours && (leased->state == LEASED_HELD || leased->state == LEASED_STOPPING)) {
		leased_lose(leased);
	}
	/* A change under way may fail, and then this is the row.  A take depends on the one it began with. */
	if (!is_ours && leased->state != LEASED_ENDING && leased->state != LEASED_TAKING)
		leased_see(leased, row);
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
	bool is_open = stream_gate_is_open(&keeper->gate, leased->name);

	leased->is_wanted = owner && !is_owner;
	if (keeper->is_stopping)
		return;
	if (leased->state == LEASED_ELSEWHERE && is_owner && is_free(keeper, row) && note && is_open)
		leased_take(leased, row, note);
	else if (leased->state == LEASED_ELSEWHERE && is_owner)
		keeper_set_timer(keeper, keeper->beat_timer, LEASE_SOON_MS);
	else if (leased->state == LEASED_ELSEWHERE && is_self(keeper, row->holder))
		leased_give(leased, row->term, row->note);
	else if (leased->state == LEASED_HELD && leased->is_wanted)
		leased_begin_to_stop(leased);
}

static bool is_candidate(const struct worker_row *worker, const char *lease)
{
	for (size_t i = 0; i < worker->candidacy_count; i++) {
		if (!strcmp(worker->candidacies[i], lease))
			return true;
	}
	return false;
}

/* Whether another worker is a candidate; that one if `id` is not NULL. */
static bool has_rival(const struct lease_keeper *keeper, const char *id, const char *lease)
{
	for (size_t i = 0; i < keeper->roll.worker_count; i++) {
		const struct worker_row *worker = &keeper->roll.workers[i];

		if ((!id || !strcmp(worker->id, id)) && !is_self(keeper, worker->id) &&
		    is_alive(keeper, worker->id) && is_candidate(worker, lease))
			return true;
	}
	return false;
}

static size_t find_worker(const struct worker_row *const *workers, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(workers[i]->id, id))
			return i;
	}
	return NO_WORKER;
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

/* Returns the id of the worker that is to have each lease, or NULL: no worker could have it. */
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
		bool is_to_come = stream_gate_is_to_come(&keeper->gate, roll->leases[lease].name);

		holder[lease] = find_worker(workers, it.worker_count,
					    successor_of(keeper, roll->leases[lease].holder));
		for (size_t worker = 0; worker < it.worker_count; worker++)
			can_have[worker * it.lease_count + lease] =
				is_candidate(workers[worker], roll->leases[lease].name) && !is_to_come;
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

/* Keeps what others know, until there is another roll. */
static void note_messages(struct lease_keeper *keeper)
{
	arena_clear(keeper->known_names);
	keeper->known = NULL;
	keeper->known_count = 0;
	for (size_t i = 0; i < keeper->roll.worker_count; i++) {
		const struct worker_row *worker = &keeper->roll.workers[i];

		for (size_t at = 0; at < worker->message_count && !is_self(keeper, worker->id) &&
				    is_alive(keeper, worker->id);
		     at++)
			add_name(keeper->known_names, &keeper->known, &keeper->known_count,
				 worker->messages[at]);
	}
}

static void follow_streams(struct lease_keeper *keeper)
{
	struct stream_gate *gate = &keeper->gate;

	if (stream_gate_follow(gate, keeper->roll.streams) && gate->is_other && gate->list->count)
		LOG(keeper->ports.logger, LOG_WARN,
		    "the database has another list of streams, so this worker takes no stream any more: start "
		    "it again with that list",
		    LOG_TEXT("streams", gate->text));
}

static void act_on_roll(struct lease_keeper *keeper)
{
	const char *const *owners;

	follow_streams(keeper);
	owners = owners_of(keeper);
	for (size_t i = 0; i < keeper->roll.lease_count; i++) {
		const struct lease_row *row = &keeper->roll.leases[i];
		struct leased *leased = find_leased(keeper, row->name);

		if (!leased)
			continue;
		/* Its first holder is given the time of one that follows another. */
		if (stream_gate_is_to_come(&keeper->gate, row->name))
			leased_moves(leased);
		compare(leased, row);
		leased->has_rival = has_rival(keeper, NULL, row->name);
		leased->holder_could_have = has_rival(keeper, row->holder, row->name);
		act(leased, row, owners[i]);
	}
	keeper_look(keeper);
}

/* ---- the beat ---- */

static void on_beaten(void *context, const struct failure *failure)
{
	struct lease_keeper *keeper = context;
	int64_t next_ms, now_ms = keeper_now_ms(keeper);

	keeper->is_beating = false;
	keeper->is_failing = failure;
	if (failure) {
		workers_alive_lose(&keeper->alive);
		keeper_set_timer(keeper, keeper->beat_timer, LEASE_BEAT_MS);
		keeper_look(keeper);
		return;
	}
	keeper->roll_number = keeper->beats;
	keeper->rolled_ms = keeper->beat_ms;
	workers_alive_see(&keeper->alive, &keeper->roll, &keeper->self, now_ms);
	next_ms = keeper->is_due ? 0 : workers_alive_next_death_ms(&keeper->alive, now_ms) - now_ms;
	keeper_set_timer(keeper, keeper->beat_timer, next_ms < LEASE_BEAT_MS ? next_ms : LEASE_BEAT_MS);
	note_messages(keeper);
	act_on_roll(keeper);
}

/*
 * A holder that cannot do the work for a moment, for example while it reconnects, stays a candidate.  One
 * that hands over because it cannot do the work is a candidate again when its work has stopped.
 */
static bool could_have(struct leased *leased)
{
	int64_t now = keeper_now_ms(leased->keeper);

	if (leased->keeper->is_stopping ||
	    (leased->state == LEASED_ELSEWHERE && !stream_gate_is_open(&leased->keeper->gate, leased->name)))
		return false;
	if (leased->state == LEASED_STOPPING)
		return !leased->is_unable;
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

	if (keeper->is_leaving)
		return;
	keeper->is_due = keeper->is_beating;
	if (keeper->is_beating)
		return;
	arena_clear(keeper->arena);
	candidacies = arena_alloc(keeper->arena, (keeper->count + 1) * sizeof *candidacies);
	keeper->self = (struct worker_row){.id = keeper->id,
					   .name = keeper->name,
					   .ttl_ms = LEASE_TTL_MS,
					   .candidacies = candidacies,
					   .messages = keeper->messages,
					   .message_count = keeper->message_count};
	for (struct leased *it = keeper->first; it; it = it->next) {
		if (could_have(it))
			candidacies[keeper->self.candidacy_count++] = it->name;
	}
	keeper->is_beating = true;
	keeper->beats++;
	keeper->beat_ms = keeper_now_ms(keeper);
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
	keeper->names = arena_new(256);
	keeper->known_names = arena_new(256);
	lease_uuid(keeper->id, ports->random);
	keeper->beat_timer = clock->ops->timer_new(clock, beat, keeper);
	keeper->look_timer = clock->ops->timer_new(clock, on_look, keeper);
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
		leased_free(leased);
	}
	workers_alive_release(&it->alive);
	arena_free(&it->arena);
	arena_free(&it->names);
	arena_free(&it->known_names);
	stream_gate_release(&it->gate);
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

void lease_keeper_add_streams(struct lease_keeper *keeper, struct stream_list *list, const char *prefix)
{
	stream_gate_init(&keeper->gate, list, prefix);
}

void lease_keeper_add_message(struct lease_keeper *keeper, const char *name)
{
	add_name(keeper->names, &keeper->messages, &keeper->message_count, name);
}

bool lease_keeper_is_known(const struct lease_keeper *keeper, const char *message)
{
	for (size_t i = 0; i < keeper->known_count; i++) {
		if (!strcmp(keeper->known[i], message))
			return true;
	}
	return false;
}

uint64_t lease_keeper_ask_roll(struct lease_keeper *keeper)
{
	beat_soon(keeper);
	return keeper->beats + 1;
}

uint64_t lease_keeper_roll(const struct lease_keeper *keeper)
{
	return keeper->roll_number;
}

void lease_keeper_start(struct lease_keeper *keeper)
{
	keeper->is_started = true;
	beat_soon(keeper);
}

void lease_keeper_stop(struct lease_keeper *keeper)
{
	keeper->is_stopping = true;
	keeper_look(keeper);
	beat_soon(keeper); /* tells the others */
}

bool lease_keeper_has_left(const struct lease_keeper *keeper)
{
	return keeper->has_left || (keeper->is_stopping && keeper->is_failing);
}

/* The roll lies in the memory of the round, which the next beat clears. */
static const struct lease_roll *last_roll(const struct lease_keeper *keeper)
{
	static const struct lease_roll none;

	return keeper->is_beating || keeper->is_failing ? &none : &keeper->roll;
}

bool lease_keeper_worker(const struct lease_keeper *keeper, size_t index, struct known_worker *worker)
{
	const struct lease_roll *roll = last_roll(keeper);
	const struct worker_row *row;

	if (index >= roll->worker_count)
		return false;
	row = &roll->workers[index];
	*worker = (struct known_worker){row->id, row->name, is_self(keeper, row->id),
					is_alive(keeper, row->id)};
	return true;
}

const char *lease_keeper_holder(const struct lease_keeper *keeper, const char *lease)
{
	const struct lease_roll *roll = last_roll(keeper);

	for (size_t i = 0; i < roll->lease_count; i++) {
		if (!strcmp(roll->leases[i].name, lease))
			return roll->leases[i].holder;
	}
	return NULL;
}

bool lease_keeper_has_company(const struct lease_keeper *keeper)
{
	return workers_alive_next_death_ms(&keeper->alive, keeper_now_ms(keeper)) < INT64_MAX;
}
