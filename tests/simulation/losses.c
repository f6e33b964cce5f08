/* Watches the lease of pub/sub, and what its holders have heard. */
#include "simulation/losses.h"

#include "support/replicas.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 10

/* Rows of workers that are compared with those of the last look; further ones are read each time. */
#define ROWS_SEEN 32

/* A new holder that does not know where the last one was waits for a marker; until then it gives up all. */
#define PLACING_MS 2500

/* It waits for that marker for at least this time. */
#define PATIENT_MS (2000 - 2 * LOOK_MS)

/* A holder that did not hear all leaves the lease to others for at least this time. */
#define PARTIAL_MS (PARTIAL_HOLDER_MS - 2 * LOOK_MS)

/* A lock that is held for this time is not that of a unit on its way. */
#define LOCKED_MS 1000

/* A worker that can commit nothing for this time is no candidate any more. */
#define STANDSTILL_MS (5000 - 2 * LOOK_MS)

/* To a worker that nothing befell for this time the lease is left, if it has heard more. */
#define WELL_MS 5000

/* A worker that was well for this time, and for this time since another one did, has seen that one beat. */
#define ACQUAINTED_MS 1500
#define SEEN_MS       (LEASE_BEAT_MS + 10 * LOOK_MS)

struct process {
	const char *id;
	int worker, number;
	int64_t beats, beat_ms;
};

static struct {
	int workers;
	struct task *task;
	struct process **processes; /* that have beaten */
	size_t process_count;
	const char *seen[ROWS_SEEN]; /* the ids in the first rows, at the last look */
	struct {
		int process, connections;
		int64_t ahead_ms;
		int64_t well_since_ms, stepped_ms;
		const struct process *known;  /* the last holder that it has seen beat */
		const struct process *beaten; /* the last one that did since this worker was well, */
		int64_t beaten_ms;            /* and when first */
	} workers_seen[REPLICAS];

	const char *term, *note;      /* of the lease */
	const struct process *holder; /* or the last one; NULL: there was no worker */
	int64_t unlocked_ms;          /* when no row was locked last */
	int unnamed_until;            /* the last broadcast while the note named no section */
	int64_t placing_until_ms;     /* the holder gives up what it hears until then, */
	int64_t patient_until_ms;     /* and handles what it hears later, */
	int taken_number;             /* though this was the last broadcast when it took the lease */
	int judged_connections;       /* of the holder */
	int64_t excused_until_ms;     /* what is published until then may be lost */
} watch;

static int64_t now_ms(void)
{
	return simulation_now_ms(world->simulation);
}

/* ---- what befell the workers ---- */

/*
 * While the broker does not answer which events it has published, a worker that must know it commits nothing:
 * one that was started, or had lost its connection to the database.
 */
static bool is_stuck(const struct replica *replica)
{
	struct broker *broker = memory_broker_port(replica->world->broker);
	struct engine_trouble trouble;

	return !broker->ops->is_up(broker) && engine_database_trouble(replica->world->engine, &trouble) &&
	       trouble.for_ms >= STANDSTILL_MS;
}

static bool is_well(int worker)
{
	const struct replica *replica = &replicas[worker];

	return replica->keeper && !replica->is_frozen && !replica->is_stopping &&
	       replica->client.is_connected && replica->client.is_up && !world->database->down &&
	       now_ms() - watch.unlocked_ms < LOCKED_MS && !is_stuck(replica);
}

static void see_worker(int worker)
{
	const struct replica *replica = &replicas[worker];
	int64_t ahead_ms = replica->world->clock.ahead_ms;

	if (watch.workers_seen[worker].process != replica->process)
		watch.workers_seen[worker].known = watch.workers_seen[worker].beaten = NULL;
	if (watch.workers_seen[worker].ahead_ms != ahead_ms)
		watch.workers_seen[worker].stepped_ms = now_ms();
	if (!is_well(worker) || watch.workers_seen[worker].process != replica->process ||
	    watch.workers_seen[worker].connections != replica->client.connections ||
	    watch.workers_seen[worker].ahead_ms != ahead_ms ||
	    replica->disturbed_ms > watch.workers_seen[worker].well_since_ms)
		watch.workers_seen[worker].well_since_ms = now_ms();
	watch.workers_seen[worker].process = replica->process;
	watch.workers_seen[worker].connections = replica->client.connections;
	watch.workers_seen[worker].ahead_ms = ahead_ms;
}

static struct process *find_process(const char *id)
{
	for (size_t i = 0; i < watch.process_count; i++) {
		if (!strcmp(watch.processes[i]->id, id))
			return watch.processes[i];
	}
	return NULL;
}

static struct process *add_process(const struct worker_row *row)
{
	struct process *it = arena_alloc(world->arena, sizeof *it);

	it->id = row->id;
	it->worker = atoi(row->name + strlen("worker-"));
	it->number = replicas[it->worker].process;
	watch.processes =
		arena_grow(world->arena, watch.processes, watch.process_count, sizeof *watch.processes);
	watch.processes[watch.process_count++] = it;
	return it;
}

static void see_process(const struct worker_row *row)
{
	struct process *it = find_process(row->id);

	if (!it)
		it = add_process(row);
	if (it->beats != row->beats)
		it->beat_ms = now_ms();
	it->beats = row->beats;
}

/* A beat writes a row anew, with new texts; most looks find the rows that the last one found. */
static void see_processes(void)
{
	const struct database *database = world->database;

	for (size_t i = 0; i < database->worker_count; i++) {
		const char *id = database->workers[i].id;

		if (i >= ROWS_SEEN || watch.seen[i] != id)
			see_process(&database->workers[i]);
		if (i < ROWS_SEEN)
			watch.seen[i] = id;
	}
}

static void see_who_knows_the_holder(void)
{
	for (int i = 0; i < watch.workers; i++) {
		int64_t since_ms = watch.workers_seen[i].well_since_ms;

		if (watch.holder->beat_ms - since_ms < LEASE_BEAT_MS)
			continue;
		if (watch.workers_seen[i].beaten != watch.holder ||
		    watch.workers_seen[i].beaten_ms < since_ms)
			watch.workers_seen[i].beaten_ms = watch.holder->beat_ms;
		watch.workers_seen[i].beaten = watch.holder;
		if (now_ms() - since_ms >= ACQUAINTED_MS &&
		    now_ms() - watch.workers_seen[i].beaten_ms >= SEEN_MS)
			watch.workers_seen[i].known = watch.holder;
	}
}

/* ---- what may be lost ---- */

static bool was_heard(const struct broadcast *it, int worker, int process)
{
	return it->to[worker].process == process && it->to[worker].is_named;
}

static const struct broadcast *find_section(const char *name)
{
	const struct broadcast *it = *name ? shared_pubsub.first : NULL;

	while (it && (!it->section || strcmp(it->section, name)))
		it = it->next;
	return it;
}

/* Whether a worker other than the holder has heard the message and all before it, so that it takes over. */
static bool is_spared(const struct broadcast *it, const struct broadcast *section)
{
	int64_t heard_ms = now_ms() - WELL_MS;

	if (!section || section->number <= watch.unnamed_until ||
	    watch.workers_seen[watch.holder->worker].stepped_ms > heard_ms)
		return false;
	if (section->at_ms < heard_ms)
		heard_ms = section->at_ms;
	for (int i = 0; i < watch.workers; i++) {
		if (i != watch.holder->worker && watch.workers_seen[i].well_since_ms <= heard_ms &&
		    was_heard(it, i, replicas[i].process) && was_heard(section, i, replicas[i].process))
			return true;
	}
	return false;
}

static void excuse(struct broadcast *it, const struct broadcast *section)
{
	it->may_be_lost = it->may_be_lost || !is_spared(it, section);
}

/* The last message that the process heard without a name. */
static int last_nameless(const struct process *process)
{
	int number = 0;

	for (const struct broadcast *it = shared_pubsub.first; process && it; it = it->next) {
		if (it->to[process->worker].process == process->number && !it->to[process->worker].is_named)
			number = it->number;
	}
	return number;
}

/*
 * What the next holder did not hear, and what the last one may have handled without a name; and all if the
 * next holder does not know what the last one had finished.  A worker that has not seen the last holder beat
 * handles all that it has heard.
 */
static void see_taking(const struct process *holder)
{
	const struct broadcast *section = find_section(watch.note);
	/* While the note names no section, the others keep the last ones only. */
	bool is_covered = section && section->number > watch.unnamed_until &&
			  was_heard(section, holder->worker, holder->number);
	bool is_known = !watch.holder || watch.workers_seen[holder->worker].known == watch.holder;
	int nameless = last_nameless(watch.holder);

	if (nameless < watch.unnamed_until)
		nameless = watch.unnamed_until;
	watch.holder = holder;
	watch.judged_connections = replicas[holder->worker].client.connections;
	watch.placing_until_ms = is_covered ? 0 : now_ms() + PLACING_MS;
	watch.patient_until_ms = now_ms() + PATIENT_MS;
	watch.taken_number = shared_pubsub.last ? shared_pubsub.last->number : 0;
	for (struct broadcast *it = shared_pubsub.first; it; it = it->next) {
		it->may_be_repeated = it->may_be_repeated || (!is_known && it->number <= nameless);
		if (it->number <= nameless)
			it->may_be_lost = true;
		else if (!is_covered || !was_heard(it, holder->worker, holder->number))
			excuse(it, section);
	}
}

/* Without a marker for that time what it hears has no name: it is handled, though the last one did so. */
static void see_impatience(void)
{
	const struct process *holder = watch.holder;

	if (now_ms() < watch.patient_until_ms)
		return;
	watch.patient_until_ms = INT64_MAX;
	for (struct broadcast *it = shared_pubsub.first; it && it->number <= watch.taken_number;
	     it = it->next) {
		if (it->to[holder->worker].place > replicas[holder->worker].client.arrived)
			it->may_be_repeated = true;
	}
}

static bool has_other_well(void)
{
	for (int i = 0; i < watch.workers; i++) {
		if (i != watch.holder->worker && watch.workers_seen[i].well_since_ms <= now_ms() - WELL_MS)
			return true;
	}
	return false;
}

/* A holder that was connected again, as it knows, continues in the end, though it has not heard all. */
static void see_holder(void)
{
	const struct process *holder = watch.holder;
	const struct pubsub_client *client = &replicas[holder->worker].client;
	int64_t wait_ms = has_other_well() ? PARTIAL_MS : 0;

	if (replicas[holder->worker].process != holder->number || !client->is_up ||
	    client->connections == watch.judged_connections || now_ms() - client->connected_ms < wait_ms)
		return;
	watch.judged_connections = client->connections;
	for (struct broadcast *it = shared_pubsub.first; it; it = it->next) {
		if (it->at_ms <= client->connected_ms && !was_heard(it, holder->worker, holder->number))
			excuse(it, find_section(watch.note));
	}
}

static void excuse_while_placing(void)
{
	if (now_ms() > watch.placing_until_ms && now_ms() > watch.excused_until_ms)
		return;
	for (struct broadcast *it = shared_pubsub.first; it; it = it->next)
		it->may_be_lost = true;
}

/* ---- watching ---- */

void losses_look(void)
{
	const struct lease_row *row = database_lease(world->database, PUBSUB_LEASE);
	const struct process *holder;

	if (!world->database->locks)
		watch.unlocked_ms = now_ms();
	see_processes();
	for (int i = 0; i < watch.workers; i++)
		see_worker(i);
	if (!row)
		return;
	holder = *row->holder ? find_process(row->holder) : NULL;
	if (holder && strcmp(row->term, watch.term) != 0)
		see_taking(holder);
	else if (watch.holder)
		see_holder();
	if (watch.holder)
		see_impatience();
	if (holder)
		see_who_knows_the_holder();
	excuse_while_placing();
	watch.term = row->term;
	watch.note = row->note;
	if (!*row->note && shared_pubsub.last)
		watch.unnamed_until = shared_pubsub.last->number;
}

static void on_look(void *context)
{
	watch.task = simulation_post(world->simulation, LOOK_MS, on_look, context);
	losses_look();
}

void losses_begin(int workers)
{
	memset(&watch, 0, sizeof watch);
	watch.workers = workers;
	watch.term = watch.note = "";
	watch.patient_until_ms = INT64_MAX;
	on_look(NULL);
}

void losses_excuse_until(int64_t until_ms)
{
	watch.excused_until_ms = until_ms;
}

void losses_restored(void)
{
	losses_excuse_until(INT64_MAX);
	for (size_t i = 0; i < world->database->worker_count; i++) {
		const struct worker_row *row = &world->database->workers[i];
		struct process *process = find_process(row->id);

		if (process)
			process->beats = row->beats;
	}
}

void losses_end(void)
{
	simulation_cancel(world->simulation, &watch.task);
}
