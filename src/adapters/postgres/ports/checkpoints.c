/* The logbook on a connection of its own, several calls at a time. */
#include "adapters/postgres/connection/call_list.h"
#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/postgres.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

struct postgres_logbook {
	struct logbook logbook;
	struct connection *connection;
	struct call *entries; /* all that are under way */
};

/* One call of the port, from the question to the answer. */
struct entry {
	struct call call;
	struct query *opened;         /* of open_stream, else NULL */
	struct stream_record *record; /* that it is to set */
	logbook_done *done;
	void *context;
};

static struct entry *begin_entry(struct logbook *port, logbook_done *done, void *context)
{
	struct postgres_logbook *logbook = (struct postgres_logbook *)port;
	struct entry *entry = call_begin(&logbook->entries, sizeof *entry);

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
	call_end(&entry->call);
}

/* Whatever it is, doing it twice does no harm. */
static void send_entry(struct logbook *port, struct entry *entry)
{
	struct postgres_logbook *logbook = (struct postgres_logbook *)port;

	connection_run(logbook->connection, &entry->call.segment, SEGMENT_READS, on_written, entry);
}

/* ---- streams ---- */

static void query_stream_id(struct query *query, struct stream_id id)
{
	char text[STREAM_ID_TEXT];

	stream_id_format(id, text);
	query_text(query, text);
}

static void open_stream(struct logbook *logbook, const char *name, const struct stream_state *state,
			struct stream_record *record, logbook_done *done, void *context)
{
	struct entry *entry = begin_entry(logbook, done, context);

	entry->record = record;
	entry->opened = segment_add(&entry->call.segment, OPEN_STREAM);
	query_text(entry->opened, name);
	query_stream_id(entry->opened, state->last_generated);
	query_bool(entry->opened, state->has_group);
	query_stream_id(entry->opened, state->delivered);
	query_text(entry->opened, state->lives);
	send_entry(logbook, entry);
}

static void mark_stream(struct logbook *logbook, const char *name, const struct stream_record *record,
			const struct stream_state *state, logbook_done *done, void *context)
{
	struct entry *entry = begin_entry(logbook, done, context);
	struct query *query = segment_add(&entry->call.segment, MARK_STREAM);

	query_text(query, name);
	query_int8(query, record->incarnation);
	query_stream_id(query, record->done);
	query_stream_id(query, state->last_generated);
	query_text(query, state->lives);
	send_entry(logbook, entry);
}

/* ---- blind windows ---- */

static void insert_windows(struct segment *segment, const struct blind_window *windows, size_t count)
{
	struct query *query = segment_add(segment, INSERT_BLIND_WINDOWS);
	struct param *since = query_array(query, ARRAY_TIMESTAMP),
		     *until = query_array(query, ARRAY_TIMESTAMP), *causes = query_array(query, ARRAY_TEXT),
		     *firsts = query_array(query, ARRAY_BOOL);

	for (size_t i = 0; i < count; i++) {
		array_instant(since, windows[i].since);
		array_instant(until, windows[i].until);
		array_text(causes, utf8_repaired(segment->arena, windows[i].cause));
		array_bool(firsts, windows[i].is_first);
	}
}

static void note_blindness(struct logbook *logbook, const struct blind_window *windows, size_t count,
			   bool heard, logbook_done *done, void *context)
{
	struct entry *entry = begin_entry(logbook, done, context);

	insert_windows(&entry->call.segment, windows, count);
	if (heard)
		segment_add(&entry->call.segment, NOTE_HEARD);
	send_entry(logbook, entry);
}

/* ---- its life ---- */

static const struct logbook_ops logbook_ops = {
	.open_stream = open_stream,
	.mark_stream = mark_stream,
	.note_blindness = note_blindness,
};

struct logbook *postgres_logbook_new(const struct postgres_config *config)
{
	struct postgres_logbook *logbook = must_alloc(sizeof *logbook);

	logbook->logbook.ops = &logbook_ops;
	logbook->connection = connection_new(&(struct connection_config){
		.base = config->base,
		.url = config->url,
		.servers = config->servers,
		.name = "logbook",
		.logger = config->logger,
		.use = FOR_LOGBOOK,
		.answer_timeout_ms = config->answer_timeout_ms,
	});
	return &logbook->logbook;
}

void postgres_logbook_free(struct logbook **pointer)
{
	struct postgres_logbook *logbook = (struct postgres_logbook *)*pointer;

	if (!logbook)
		return;
	connection_free(&logbook->connection);
	while (logbook->entries)
		call_end(logbook->entries);
	free(logbook);
	*pointer = NULL;
}
