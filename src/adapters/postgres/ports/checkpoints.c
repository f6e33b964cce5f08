/* The logbook on a connection of its own, several calls at a time. */
#include "adapters/postgres/connection/call_list.h"
#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/postgres.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

struct postgres_logbook {
	struct checkpoints checkpoints;
	struct pg_connection *connection;
	struct pg_call *entries; /* all that are under way */
};

/* One call of the port, from the question to the answer. */
struct entry {
	struct pg_call call;
	struct query *opened;         /* of open_stream, else NULL */
	struct stream_record *record; /* that it is to set */
	checkpoints_done *done;
	void *context;
};

static struct entry *begin_entry(struct checkpoints *port, checkpoints_done *done, void *context)
{
	struct postgres_logbook *checkpoints = (struct postgres_logbook *)port;
	struct entry *entry = pg_call_begin(&checkpoints->entries, sizeof *entry);

	entry->done = done;
	entry->context = context;
	return entry;
}

static void put_record(const struct query *opened, struct stream_record *record)
{
	record->incarnation = result_int8(opened, 0, 0);
	stream_id_parse(result_peek(opened, 0, 1), &record->done);
	snprintf(record->life, sizeof record->life, "%s", result_peek(opened, 0, 2));
	record->began_again = result_bool(opened, 0, 3);
}

static void on_written(void *context, const struct failure *failure)
{
	struct entry *entry = context;

	if (!failure && entry->opened)
		put_record(entry->opened, entry->record);
	entry->done(entry->context, failure);
	pg_call_end(&entry->call);
}

/* Whatever it is, doing it twice does no harm. */
static void send_entry(struct checkpoints *port, struct entry *entry)
{
	struct postgres_logbook *checkpoints = (struct postgres_logbook *)port;

	pg_connection_run(checkpoints->connection, &entry->call.pipeline, PIPELINE_READS, on_written, entry);
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
	struct entry *entry = begin_entry(checkpoints, done, context);

	entry->record = record;
	entry->opened = query_pipeline_add(&entry->call.pipeline, OPEN_STREAM);
	query_text(entry->opened, name);
	query_stream_id(entry->opened, state->last_generated);
	query_bool(entry->opened, state->has_group);
	query_stream_id(entry->opened, state->delivered);
	query_text(entry->opened, state->lives);
	send_entry(checkpoints, entry);
}

static void mark_stream(struct checkpoints *checkpoints, const char *name, const struct stream_record *record,
			const struct stream_state *state, checkpoints_done *done, void *context)
{
	struct entry *entry = begin_entry(checkpoints, done, context);
	struct query *query = query_pipeline_add(&entry->call.pipeline, MARK_STREAM);

	query_text(query, name);
	query_int8(query, record->incarnation);
	query_stream_id(query, record->done);
	query_stream_id(query, state->last_generated);
	query_text(query, state->lives);
	send_entry(checkpoints, entry);
}

/* ---- blind windows ---- */

static void insert_windows(struct query_pipeline *pipeline, const struct subscription_gap *windows,
			   size_t count)
{
	struct query *query = query_pipeline_add(pipeline, INSERT_BLIND_WINDOWS);
	struct param *since = query_array(query, ARRAY_TIMESTAMP),
		     *until = query_array(query, ARRAY_TIMESTAMP), *causes = query_array(query, ARRAY_TEXT),
		     *firsts = query_array(query, ARRAY_BOOL);

	for (size_t i = 0; i < count; i++) {
		array_instant(since, windows[i].since);
		array_instant(until, windows[i].until);
		array_text(causes, utf8_repaired(pipeline->arena, windows[i].cause));
		array_bool(firsts, windows[i].is_first);
	}
}

static void note_blindness(struct checkpoints *checkpoints, const struct subscription_gap *windows,
			   size_t count, bool heard, checkpoints_done *done, void *context)
{
	struct entry *entry = begin_entry(checkpoints, done, context);

	insert_windows(&entry->call.pipeline, windows, count);
	if (heard)
		query_pipeline_add(&entry->call.pipeline, NOTE_HEARD);
	send_entry(checkpoints, entry);
}

/* ---- its life ---- */

static const struct checkpoints_ops checkpoints_ops = {
	.open_stream = open_stream,
	.mark_stream = mark_stream,
	.note_blindness = note_blindness,
};

struct checkpoints *postgres_checkpoints_new(const struct postgres_config *config)
{
	struct postgres_logbook *checkpoints = must_alloc(sizeof *checkpoints);

	checkpoints->checkpoints.ops = &checkpoints_ops;
	checkpoints->connection = pg_connection_new(&(struct pg_connection_config){
		.base = config->base,
		.url = config->url,
		.servers = config->servers,
		.name = "logbook",
		.logger = config->logger,
		.use = FOR_LOGBOOK,
		.answer_timeout_ms = config->answer_timeout_ms,
	});
	return &checkpoints->checkpoints;
}

void postgres_checkpoints_free(struct checkpoints **pointer)
{
	struct postgres_logbook *checkpoints = (struct postgres_logbook *)*pointer;

	if (!checkpoints)
		return;
	pg_connection_free(&checkpoints->connection);
	while (checkpoints->entries)
		pg_call_end(checkpoints->entries);
	free(checkpoints);
	*pointer = NULL;
}
