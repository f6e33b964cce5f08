/* Leases on a connection of their own, several calls at a time. */
#include "adapters/postgres/connection/call_list.h"
#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/postgres.h"
#include "core/base/container_of.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

struct postgres_leases {
	struct lease_store leases;
	struct pg_connection *connection;
	struct pg_call *calls; /* all that are in progress */
};

/* One call of the port, from sending to the answer. */
struct lease_call {
	struct pg_call base;
	store_done *done;
	void *context;

	/* Of beat. */
	struct query *workers, *rows;
	struct lease_roll *roll;
	struct arena *arena;

	/* Of change. */
	struct query *change;
	bool *changed;
};

static struct lease_call *begin_call(struct lease_store *port, store_done *done, void *context)
{
	struct postgres_leases *leases = container_of(port, struct postgres_leases, leases);
	struct lease_call *call = pg_call_begin(&leases->calls, sizeof *call);

	call->done = done;
	call->context = context;
	return call;
}

static void send_call(struct lease_store *port, struct lease_call *call, query_pipeline_done *next)
{
	struct postgres_leases *leases = container_of(port, struct postgres_leases, leases);

	pg_connection_run(leases->connection, &call->base.pipeline, PIPELINE_READS, next, call);
}

static void answer(struct lease_call *call, const struct failure *failure)
{
	call->done(call->context, failure);
	pg_call_end(&call->base);
}

/* ---- beat ---- */

static const char *join_lines(struct arena *arena, const char *const *names, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		text = arena_printf(arena, "%s%s%s", text, i ? "\n" : "", names[i]);
	return text;
}

static const char *const *split_lines(struct arena *arena, char *text, size_t *count)
{
	const char **names = NULL;

	for (char *name = *text ? text : NULL, *end; name; name = end) {
		end = strchr(name, '\n');
		if (end)
			*end++ = '\0';
		names = arena_grow(arena, names, *count, sizeof *names);
		names[(*count)++] = name;
	}
	return names;
}

static void read_workers(const struct lease_call *call)
{
	struct lease_roll *roll = call->roll;

	roll->worker_count = (size_t)query_rows(call->workers);
	roll->workers = arena_alloc(call->arena, (roll->worker_count + 1) * sizeof *roll->workers);
	for (int row = 0; row < query_rows(call->workers); row++) {
		struct worker_row *worker = &roll->workers[row];

		*worker = (struct worker_row){
			.id = result_text(call->workers, call->arena, row, 0),
			.name = result_text(call->workers, call->arena, row, 1),
			.beats = result_int8(call->workers, row, 2),
			.ttl_ms = result_int4(call->workers, row, 3),
		};
		worker->candidacies =
			split_lines(call->arena, result_text(call->workers, call->arena, row, 4),
				    &worker->candidacy_count);
		worker->messages = split_lines(call->arena, result_text(call->workers, call->arena, row, 5),
					       &worker->message_count);
	}
}

static void read_leases(const struct lease_call *call)
{
	struct lease_roll *roll = call->roll;

	roll->streams = "";
	roll->lease_count = (size_t)query_rows(call->rows);
	roll->leases = arena_alloc(call->arena, (roll->lease_count + 1) * sizeof *roll->leases);
	for (int row = 0; row < query_rows(call->rows); row++) {
		const char *holder = result_text(call->rows, call->arena, row, 2);

		roll->leases[row] = (struct lease_row){
			.name = result_text(call->rows, call->arena, row, 0),
			.term = result_text(call->rows, call->arena, row, 1),
			.holder = holder ? holder : "",
			.note = result_text(call->rows, call->arena, row, 3),
		};
		roll->streams = result_text(call->rows, call->arena, row, 4);
	}
}

static void on_beaten(void *context, const struct failure *failure)
{
	struct lease_call *call = context;

	if (!failure) {
		read_workers(call);
		read_leases(call);
	}
	answer(call, failure);
}

static void beat(struct lease_store *port, const struct worker_row *worker, struct lease_roll *roll,
		 struct arena *arena, store_done *done, void *context)
{
	struct lease_call *call = begin_call(port, done, context);
	struct query_pipeline *pipeline = &call->base.pipeline;
	const char *names = join_lines(call->base.arena, worker->candidacies, worker->candidacy_count);
	struct query *query;

	query_pipeline_add(pipeline, NEED_NOT_LAST);
	if (*names)
		query_text(query_pipeline_add(pipeline, ADD_LEASES), names);
	query = query_pipeline_add(pipeline, BEAT);
	query_text(query, worker->id);
	query_text(query, worker->name);
	query_int4(query, worker->ttl_ms);
	query_text(query, names);
	query_text(query, join_lines(call->base.arena, worker->messages, worker->message_count));
	call->workers = query_pipeline_add(pipeline, READ_WORKERS);
	call->rows = query_pipeline_add(pipeline, READ_LEASES);
	call->roll = roll;
	call->arena = arena;
	send_call(port, call, on_beaten);
}

/* ---- change, leave ---- */

static void on_changed(void *context, const struct failure *failure)
{
	struct lease_call *call = context;

	if (!failure)
		*call->changed = query_rows(call->change) > 0;
	answer(call, failure);
}

static void change(struct lease_store *port, const struct lease_change *change, bool *changed,
		   store_done *done, void *context)
{
	struct lease_call *call = begin_call(port, done, context);
	struct query_pipeline *pipeline = &call->base.pipeline;

	call->changed = changed;
	if (!strcmp(change->from, change->to.term)) {
		call->change = query_pipeline_add(pipeline, NOTE_LEASE);
		query_text(call->change, change->name);
		query_text(call->change, change->from);
		query_text(call->change, change->to.note);
		send_call(port, call, on_changed);
		return;
	}
	if (change->ends_sessions)
		query_text(query_pipeline_add(pipeline, END_SESSIONS_UNDER_LEASE), change->name);
	query_text(query_pipeline_add(pipeline, LOCK_LEASE), change->name);
	call->change = query_pipeline_add(pipeline, CHANGE_LEASE);
	query_text(call->change, change->name);
	query_text(call->change, change->from);
	query_text(call->change, change->to.term);
	query_text(call->change, change->to.holder);
	query_text(call->change, change->to.note);
	if (change->from_note)
		query_text(call->change, change->from_note);
	else
		query_null(call->change);
	if (change->streams)
		query_text(call->change, change->streams);
	else
		query_null(call->change);
	send_call(port, call, on_changed);
}

static void on_left(void *context, const struct failure *failure)
{
	answer(context, failure);
}

static void leave(struct lease_store *port, const char *worker, store_done *done, void *context)
{
	struct lease_call *call = begin_call(port, done, context);

	query_text(query_pipeline_add(&call->base.pipeline, DELETE_WORKER), worker);
	send_call(port, call, on_left);
}

/* ---- lifetime ---- */

static const struct lease_store_ops lease_store_ops = {.beat = beat, .change = change, .leave = leave};

struct lease_store *postgres_leases_new(const struct postgres_config *config)
{
	struct postgres_leases *leases = must_alloc(sizeof *leases);

	leases->leases.ops = &lease_store_ops;
	leases->connection = pg_connection_new(&(struct pg_connection_config){
		.base = config->base,
		.url = config->url,
		.servers = config->servers,
		.name = "leases",
		.logger = config->logger,
		.connections = config->connections,
		.use = FOR_LEASES,
		.answer_timeout_ms = config->answer_timeout_ms,
	});
	return &leases->leases;
}

void postgres_leases_free(struct lease_store **pointer)
{
	struct postgres_leases *leases;

	if (!*pointer)
		return;
	leases = container_of(*pointer, struct postgres_leases, leases);
	pg_connection_free(&leases->connection);
	while (leases->calls)
		pg_call_end(leases->calls);
	free(leases);
	*pointer = NULL;
}
