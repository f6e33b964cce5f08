/* Checkpoints on a connection of their own, several calls at a time. */
#include "adapters/postgres/connection/call_list.h"
#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/postgres.h"
#include "core/base/container_of.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

struct postgres_checkpoints {
	struct checkpoints checkpoints;
	struct pg_connection *connection;
	struct pg_call *calls; /* all that are in progress */
};

/* One call of the port, from sending to the answer. */
struct checkpoint_call {
	struct pg_call base;
	struct query *opened;         /* of open_stream, else NULL */
	struct stream_record *record; /* that open_stream fills in */
	struct query *dead;           /* of find_dead, else NULL */
	bool *found;                  /* that find_dead fills in */
	checkpoints_done *done;
	void *context;
};

static struct checkpoint_call *begin_call(struct checkpoints *port, checkpoints_done *done, void *context)
{
	struct postgres_checkpoints *checkpoints =
		container_of(port, struct postgres_checkpoints, checkpoints);
	struct checkpoint_call *call = pg_call_begin(&checkpoints->calls, sizeof *call);

	call->done = done;
	call->context = context;
	return call;
}

static void on_written(void *context, const struct failure *failure)
{
	struct checkpoint_call *call = context;
	const struct query *opened = call->opened;
	struct stream_record *record = call->record;

	if (!failure && opened) {
		record->incarnation = result_int8(opened, 0, 0);
		stream_id_parse(result_peek(opened, 0, 1), &record->done);
		snprintf(record->life, sizeof record->life, "%s", result_peek(opened, 0, 2));
		record->began_again = result_bool(opened, 0, 3);
	}
	for (int row = 0; !failure && call->dead && row < query_rows(call->dead); row++)
		call->found[result_int8(call->dead, row, 0) - 1] = true;
	call->done(call->context, failure);
	pg_call_end(&call->base);
}

/* Every call is safe to repeat. */
static void send_call(struct checkpoints *port, struct checkpoint_call *call)
{
	struct postgres_checkpoints *checkpoints =
		container_of(port, struct postgres_checkpoints, checkpoints);

	pg_connection_run(checkpoints->connection, &call->base.pipeline, PIPELINE_READS, on_written, call);
}

/* ---- streams ---- */

static void query_stream_id(struct query *query, struct stream_id id)
{
	char text[STREAM_ID_TEXT];

	stream_id_format(id, text);
	query_text(query, text);
}

static void open_stream(struct checkpoints *checkpoints, const char *name, const struct stream_state *state,
			struct stream_record *record, checkpoints_done *done, void *context)
{
	struct checkpoint_call *call = begin_call(checkpoints, done, context);

	call->record = record;
	call->opened = query_pipeline_add(&call->base.pipeline, OPEN_STREAM);
	query_text(call->opened, name);
	query_stream_id(call->opened, state->last_generated);
	query_bool(call->opened, state->has_group);
	query_stream_id(call->opened, state->delivered);
	query_text(call->opened, state->lives);
	send_call(checkpoints, call);
}

static void mark_stream(struct checkpoints *checkpoints, const char *name, const struct stream_record *record,
			const struct stream_state *state, checkpoints_done *done, void *context)
{
	struct checkpoint_call *call = begin_call(checkpoints, done, context);
	struct query *query = query_pipeline_add(&call->base.pipeline, MARK_STREAM);

	query_text(query, name);
	query_int8(query, record->incarnation);
	query_stream_id(query, record->done);
	query_stream_id(query, state->last_generated);
	query_text(query, state->lives);
	send_call(checkpoints, call);
}

/* ---- subscription gaps ---- */

static void insert_gaps(struct query_pipeline *pipeline, const struct subscription_gap *gaps, size_t count)
{
	struct query *query = query_pipeline_add(pipeline, INSERT_BLIND_WINDOWS);
	struct param *since = query_array(query, ARRAY_TIMESTAMP),
		     *until = query_array(query, ARRAY_TIMESTAMP), *causes = query_array(query, ARRAY_TEXT),
		     *firsts = query_array(query, ARRAY_BOOL);

	for (size_t i = 0; i < count; i++) {
		array_instant(since, gaps[i].since);
		array_instant(until, gaps[i].until);
		array_text(causes, utf8_repaired(pipeline->arena, gaps[i].cause));
		array_bool(firsts, gaps[i].is_first);
	}
}

static void note_blindness(struct checkpoints *checkpoints, const struct subscription_gap *gaps, size_t count,
			   bool is_subscribed, checkpoints_done *done, void *context)
{
	struct checkpoint_call *call = begin_call(checkpoints, done, context);

	insert_gaps(&call->base.pipeline, gaps, count);
	if (is_subscribed)
		query_pipeline_add(&call->base.pipeline, RECORD_SUBSCRIBED);
	send_call(checkpoints, call);
}

/* ---- dead letters ---- */

static void find_dead(struct checkpoints *checkpoints, const struct dead_question *questions, size_t count,
		      bool *found, checkpoints_done *done, void *context)
{
	struct checkpoint_call *call = begin_call(checkpoints, done, context);
	struct param *places, *entries, *ids;

	call->dead = query_pipeline_add(&call->base.pipeline, FIND_DEAD_MESSAGES);
	call->found = found;
	places = query_array(call->dead, ARRAY_TEXT);
	entries = query_array(call->dead, ARRAY_TEXT);
	ids = query_array(call->dead, ARRAY_TEXT);
	for (size_t i = 0; i < count; i++) {
		found[i] = false;
		array_text(places, questions[i].channel);
		array_text(entries, questions[i].name);
		array_text(ids, questions[i].id);
	}
	send_call(checkpoints, call);
}

/* ---- lifetime ---- */

static const struct checkpoints_ops checkpoints_ops = {
	.open_stream = open_stream,
	.mark_stream = mark_stream,
	.note_blindness = note_blindness,
	.find_dead = find_dead,
};

struct checkpoints *postgres_checkpoints_new(const struct postgres_config *config)
{
	struct postgres_checkpoints *checkpoints = must_alloc(sizeof *checkpoints);

	checkpoints->checkpoints.ops = &checkpoints_ops;
	checkpoints->connection = pg_connection_new(&(struct pg_connection_config){
		.base = config->base,
		.url = config->url,
		.servers = config->servers,
		.name = "checkpoints",
		.logger = config->logger,
		.connections = config->connections,
		.use = FOR_CHECKPOINTS,
		.answer_timeout_ms = config->answer_timeout_ms,
	});
	return &checkpoints->checkpoints;
}

void postgres_checkpoints_free(struct checkpoints **pointer)
{
	struct postgres_checkpoints *checkpoints;

	if (!*pointer)
		return;
	checkpoints = container_of(*pointer, struct postgres_checkpoints, checkpoints);
	pg_connection_free(&checkpoints->connection);
	while (checkpoints->calls)
		pg_call_end(checkpoints->calls);
	free(checkpoints);
	*pointer = NULL;
}
