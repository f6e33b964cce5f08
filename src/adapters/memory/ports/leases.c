/* Keeps the leases and the workers' beats. */
#include "adapters/memory/ports/leases.h"

#include "adapters/memory/simulation/lost.h"
#include "core/base/container_of.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

/* The term of a lease that no worker has had. */
#define FIRST_TERM "00000000-0000-0000-0000-000000000000"

struct memory_leases {
	struct lease_store leases;
	struct database *database;
	struct arena *arena; /* memory of the calls under way */
	struct cable requests, answers;
	int busy; /* changes that are still to fail */
	bool loses_answer;
};

/* One call, from its beginning to its answer. */
struct lease_call {
	struct memory_leases *leases;
	void (*carry_out)(struct lease_call *call);
	int server; /* of the database, when the call was sent */
	bool failed;
	struct failure failure;
	store_done *done;
	void *context;

	struct worker_row worker;
	struct lease_roll *roll;
	struct arena *arena;
	struct lease_change change;
	bool *changed;
};

/* ---- what a call does ---- */

static struct lease_row *find_or_add(struct database *database, const char *name)
{
	struct lease_row *row = database_lease(database, name);

	if (row)
		return row;
	database->leases = arena_grow(database->arena, database->leases, database->lease_count,
				      sizeof *database->leases);
	row = &database->leases[database->lease_count++];
	*row = (struct lease_row){arena_strdup(database->arena, name), FIRST_TERM, "", ""};
	return row;
}

static struct worker_row copied_worker(struct arena *arena, const struct worker_row *worker)
{
	struct worker_row copy = *worker;

	copy.id = arena_strdup(arena, worker->id);
	copy.name = arena_strdup(arena, worker->name);
	copy.candidacies = arena_strdup_all(arena, worker->candidacies, worker->candidacy_count);
	copy.messages = arena_strdup_all(arena, worker->messages, worker->message_count);
	return copy;
}

static struct lease_row copied_lease(struct arena *arena, const struct lease_row *row)
{
	return (struct lease_row){arena_strdup(arena, row->name), arena_strdup(arena, row->term),
				  arena_strdup(arena, row->holder), arena_strdup(arena, row->note)};
}

/* Returns the row of that worker, or the number of rows. */
static size_t find_worker(const struct database *database, const char *id)
{
	size_t at = 0;

	while (at < database->worker_count && strcmp(database->workers[at].id, id))
		at++;
	return at;
}

static void raise_beats(struct database *database, const struct worker_row *worker)
{
	size_t at = find_worker(database, worker->id);
	int64_t beats = 0;

	if (at == database->worker_count)
		database->workers = arena_grow(database->arena, database->workers, database->worker_count++,
					       sizeof *database->workers);
	else
		beats = database->workers[at].beats;
	database->workers[at] = copied_worker(database->arena, worker);
	database->workers[at].beats = beats + 1;
}

static int by_id(const void *left, const void *right)
{
	const struct worker_row *a = left, *b = right;

	return strcmp(a->id, b->id);
}

static int by_name(const void *left, const void *right)
{
	const struct lease_row *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static void read_roll(const struct database *database, struct lease_roll *roll, struct arena *arena)
{
	roll->streams = arena_strdup(arena, database->stream_list ? database->stream_list : "");
	roll->worker_count = database->worker_count;
	roll->workers = arena_alloc(arena, (roll->worker_count + 1) * sizeof *roll->workers);
	for (size_t i = 0; i < roll->worker_count; i++)
		roll->workers[i] = copied_worker(arena, &database->workers[i]);
	qsort(roll->workers, roll->worker_count, sizeof *roll->workers, by_id);
	roll->lease_count = database->lease_count;
	roll->leases = arena_alloc(arena, (roll->lease_count + 1) * sizeof *roll->leases);
	for (size_t i = 0; i < roll->lease_count; i++)
		roll->leases[i] = copied_lease(arena, &database->leases[i]);
	qsort(roll->leases, roll->lease_count, sizeof *roll->leases, by_name);
}

static void do_beat(struct lease_call *call)
{
	struct database *database = call->leases->database;

	for (size_t i = 0; i < call->worker.candidacy_count; i++)
		find_or_add(database, call->worker.candidacies[i]);
	raise_beats(database, &call->worker);
	read_roll(database, call->roll, call->arena);
}

static void do_change(struct lease_call *call)
{
	struct database *database = call->leases->database;
	struct lease_row *row = database_lease(database, call->change.name);

	if (call->change.ends_sessions)
		database_end_lost_under(database, call->change.name);
	if ((call->leases->busy && !call->change.ends_sessions) ||
	    database_lost_keeps(database, call->change.name)) {
		call->leases->busy -= call->leases->busy > 0;
		call->failed = true;
		call->failure = (struct failure){FAILURE_BUSY, "lock timeout"};
		return;
	}
	*call->changed = row && !strcmp(row->term, call->change.from) &&
			 (!call->change.from_note || !strcmp(row->note, call->change.from_note)) &&
			 (!call->change.streams ||
			  !strcmp(database->stream_list ? database->stream_list : "", call->change.streams));
	if (*call->changed) {
		*row = copied_lease(database->arena, &call->change.to);
		row->name = arena_strdup(database->arena, call->change.name);
	}
}

static void do_leave(struct lease_call *call)
{
	struct database *database = call->leases->database;
	size_t at = find_worker(database, call->worker.id);

	if (at < database->worker_count)
		database->workers[at] = database->workers[--database->worker_count];
}

/* ---- the way of a call ---- */

/* The session was one of an earlier server. */
static bool is_cut(const struct lease_call *call)
{
	return call->server != call->leases->database->server;
}

static void on_answer(void *context)
{
	struct lease_call *call = context;

	if (call->leases->loses_answer || is_cut(call)) {
		call->leases->loses_answer = false;
		call->failed = true;
		call->failure = (struct failure){FAILURE_RETRY, "connection lost"};
	}
	call->done(call->context, call->failed ? &call->failure : NULL);
}

static void on_request(void *context)
{
	struct lease_call *call = context;

	call->failed = call->leases->database->down || is_cut(call);
	call->failure = (struct failure){FAILURE_RETRY, "the database is away"};
	if (!call->failed)
		call->carry_out(call);
	cable_pass(&call->leases->answers, on_answer, call);
}

static struct lease_call *begin(struct lease_store *port, void (*carry_out)(struct lease_call *call),
				store_done *done, void *context)
{
	struct memory_leases *leases = container_of(port, struct memory_leases, leases);
	struct lease_call *call = arena_alloc(leases->arena, sizeof *call);

	*call = (struct lease_call){.leases = leases,
				    .carry_out = carry_out,
				    .server = leases->database->server,
				    .done = done,
				    .context = context};
	cable_pass(&leases->requests, on_request, call);
	return call;
}

static void beat(struct lease_store *port, const struct worker_row *worker, struct lease_roll *roll,
		 struct arena *arena, store_done *done, void *context)
{
	struct lease_call *call = begin(port, do_beat, done, context);

	call->worker = copied_worker(call->leases->arena, worker);
	call->roll = roll;
	call->arena = arena;
}

static void change(struct lease_store *port, const struct lease_change *change, bool *changed,
		   store_done *done, void *context)
{
	struct lease_call *call = begin(port, do_change, done, context);
	struct arena *arena = call->leases->arena;

	call->change = (struct lease_change){
		.name = arena_strdup(arena, change->name),
		.from = arena_strdup(arena, change->from),
		.from_note = change->from_note ? arena_strdup(arena, change->from_note) : NULL,
		.streams = change->streams ? arena_strdup(arena, change->streams) : NULL,
		.to = {"", arena_strdup(arena, change->to.term), arena_strdup(arena, change->to.holder),
		       arena_strdup(arena, change->to.note)},
		.ends_sessions = change->ends_sessions,
	};
	call->changed = changed;
}

static void leave(struct lease_store *port, const char *worker, store_done *done, void *context)
{
	struct lease_call *call = begin(port, do_leave, done, context);

	call->worker.id = arena_strdup(call->leases->arena, worker);
}

/* ---- the leases ---- */

struct memory_leases *memory_leases_new(struct database *database)
{
	static const struct lease_store_ops ops = {.beat = beat, .change = change, .leave = leave};
	struct memory_leases *leases = must_alloc(sizeof *leases);

	leases->leases.ops = &ops;
	leases->database = database;
	leases->arena = arena_new(4096);
	cable_init(&leases->requests, database->simulation);
	cable_init(&leases->answers, database->simulation);
	return leases;
}

void memory_leases_set_busy(struct memory_leases *leases, int count)
{
	leases->busy = count;
}

void memory_leases_lose_answer(struct memory_leases *leases)
{
	leases->loses_answer = true;
}

void memory_leases_free(struct memory_leases **leases)
{
	if (!*leases)
		return;
	cable_clear(&(*leases)->requests);
	cable_clear(&(*leases)->answers);
	arena_free(&(*leases)->arena);
	free(*leases);
	*leases = NULL;
}

struct lease_store *memory_leases_port(struct memory_leases *leases)
{
	return &leases->leases;
}

struct cable *memory_leases_requests(struct memory_leases *leases)
{
	return &leases->requests;
}

struct cable *memory_leases_answers(struct memory_leases *leases)
{
	return &leases->answers;
}
