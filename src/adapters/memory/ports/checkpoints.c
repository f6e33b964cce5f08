/* What the logbook knows of streams, and of the times when commands were not heard. */
#include "adapters/memory/ports/checkpoints.h"

#include "core/base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct memory_logbook {
	struct logbook logbook;
	struct database *database;
	struct arena *arena; /* of the calls */
	struct wire requests, answers;
	bool is_refusing;
};

/* One call, from its beginning to its answer. */
struct logbook_call {
	struct memory_logbook *logbook;
	void (*carry_out)(struct logbook_call *call);
	bool failed;
	logbook_done *done;
	void *context;

	const char *name;
	struct stream_state state;
	struct stream_record *found; /* out */
	struct stream_record record;
	struct blind_window *windows;
	size_t count;
	bool heard;
};

/* ---- what a call does ---- */

static void raise_id(struct stream_id *id, struct stream_id to)
{
	if (stream_id_compare(*id, to) < 0)
		*id = to;
}

static const char *name_life(char life[STREAM_LIFE_MAX], int64_t incarnation)
{
	snprintf(life, STREAM_LIFE_MAX, "memory.%" PRId64, incarnation);
	return life;
}

/*
 * Of an incarnation whose mark was seen: it is not on the stream, and the group does not stand where it did.
 */
static bool lacks_mark(const struct stream_row *row, const struct stream_state *state)
{
	char life[STREAM_LIFE_MAX];

	if (stream_lives_hold(state->lives, name_life(life, row->record.incarnation)))
		return false;
	return !state->has_group || stream_id_compare(state->last_generated, row->highest) < 0 ||
	       stream_id_compare(state->delivered, row->record.done) < 0;
}

static bool has_begun_again(const struct stream_row *row, const struct stream_state *state)
{
	if (row->marked == row->record.incarnation)
		return lacks_mark(row, state);
	return !state->has_group && stream_id_compare(state->last_generated, row->highest) < 0;
}

/* The latest incarnation that the stream bears a mark of; 0: none. */
static int64_t marked_incarnation(const struct stream_row *row, const struct stream_state *state)
{
	char life[STREAM_LIFE_MAX];
	int64_t incarnation = row->latest;

	while (incarnation && !stream_lives_hold(state->lives, name_life(life, incarnation)))
		incarnation--;
	return incarnation;
}

static void begin_again(struct stream_row *row, const struct stream_state *state)
{
	int64_t earlier = marked_incarnation(row, state);

	row->record = (struct stream_record){.incarnation = earlier ? earlier : ++row->latest};
	row->marked = earlier;
	row->highest = (struct stream_id){0};
	if (earlier)
		row->record.done = state->delivered;
}

static void do_open(struct logbook_call *call)
{
	struct database *database = call->logbook->database;
	struct stream_row *row = database_stream(database, call->name);
	bool began_again = false;

	if (!row) {
		row = arena_alloc(database->arena, sizeof *row);
		row->record.incarnation = row->latest = 1;
		row->record.done = call->state.delivered;
		map_put(&database->streams, arena_strdup(database->arena, call->name), row);
	} else if (has_begun_again(row, &call->state)) {
		began_again = true;
		begin_again(row, &call->state);
	}
	raise_id(&row->highest, call->state.last_generated);
	*call->found = row->record;
	name_life(call->found->life, row->record.incarnation);
	call->found->began_again = began_again;
}

static void do_mark(struct logbook_call *call)
{
	struct stream_row *row = database_stream(call->logbook->database, call->name);

	if (!row || row->record.incarnation != call->record.incarnation)
		return;
	raise_id(&row->record.done, call->record.done);
	raise_id(&row->highest, call->state.last_generated);
	if (stream_lives_hold(call->state.lives, call->record.life))
		row->marked = row->record.incarnation;
}

/* The same window is written once, however often it is told. */
static void write_down(struct database *database, const struct blind_window *window)
{
	struct blind_window *row = database->blind_windows;
	int64_t heard_until = database->heard_until, since = window->since;

	for (size_t i = 0; i < database->blind_window_count; i++) {
		if (row[i].until == window->until && !strcmp(row[i].cause, window->cause))
			return;
		if (row[i].since == window->since && !window->is_first) {
			row[i].until = window->until;
			row[i].cause = arena_strdup(database->arena, window->cause);
			return;
		}
	}
	if (window->is_first && heard_until && heard_until < since)
		since = heard_until;
	database->blind_windows = arena_grow(database->arena, row, database->blind_window_count, sizeof *row);
	database->blind_windows[database->blind_window_count++] = (struct blind_window){
		since, window->until, arena_strdup(database->arena, window->cause), window->is_first};
}

static void do_note(struct logbook_call *call)
{
	struct database *database = call->logbook->database;

	for (size_t i = 0; i < call->count; i++)
		write_down(database, &call->windows[i]);
	if (call->heard)
		database->heard_until = database_now(database);
}

/* ---- the way of a call ---- */

static void on_answer(void *context)
{
	static const struct failure failure = {FAILURE_RETRY, "the database is away"};
	const struct logbook_call *call = context;

	call->done(call->context, call->failed ? &failure : NULL);
}

static void on_request(void *context)
{
	struct logbook_call *call = context;

	call->failed = call->logbook->database->down || call->logbook->is_refusing;
	if (!call->failed)
		call->carry_out(call);
	wire_pass(&call->logbook->answers, on_answer, call);
}

static struct logbook_call *begin(struct logbook *port, void (*carry_out)(struct logbook_call *call),
				  logbook_done *done, void *context)
{
	struct memory_logbook *logbook = (struct memory_logbook *)port;
	struct logbook_call *call = arena_alloc(logbook->arena, sizeof *call);

	*call = (struct logbook_call){
		.logbook = logbook, .carry_out = carry_out, .done = done, .context = context};
	wire_pass(&logbook->requests, on_request, call);
	return call;
}

static void open_stream(struct logbook *logbook, const char *name, const struct stream_state *state,
			struct stream_record *record, logbook_done *done, void *context)
{
	struct logbook_call *call = begin(logbook, do_open, done, context);

	call->name = arena_strdup(call->logbook->arena, name);
	call->state = *state;
	call->found = record;
}

static void mark_stream(struct logbook *logbook, const char *name, const struct stream_record *record,
			const struct stream_state *state, logbook_done *done, void *context)
{
	struct logbook_call *call = begin(logbook, do_mark, done, context);

	call->name = arena_strdup(call->logbook->arena, name);
	call->record = *record;
	call->state = *state;
}

static void note_blindness(struct logbook *logbook, const struct blind_window *windows, size_t count,
			   bool heard, logbook_done *done, void *context)
{
	struct logbook_call *call = begin(logbook, do_note, done, context);
	struct arena *arena = call->logbook->arena;

	call->windows = arena_alloc(arena, (count + 1) * sizeof *windows);
	for (size_t i = 0; i < count; i++) {
		call->windows[i] = windows[i];
		call->windows[i].cause = arena_strdup(arena, windows[i].cause);
	}
	call->count = count;
	call->heard = heard;
}

/* ---- the logbook ---- */

struct memory_logbook *memory_logbook_new(struct database *database)
{
	static const struct logbook_ops ops = {open_stream, mark_stream, note_blindness};
	struct memory_logbook *logbook = must_alloc(sizeof *logbook);

	logbook->logbook.ops = &ops;
	logbook->database = database;
	logbook->arena = arena_new(4096);
	wire_init(&logbook->requests, database->simulation);
	wire_init(&logbook->answers, database->simulation);
	return logbook;
}

void memory_logbook_set_refusing(struct memory_logbook *logbook, bool is_refusing)
{
	logbook->is_refusing = is_refusing;
}

void memory_logbook_free(struct memory_logbook **logbook)
{
	if (!*logbook)
		return;
	wire_clear(&(*logbook)->requests);
	wire_clear(&(*logbook)->answers);
	arena_free(&(*logbook)->arena);
	free(*logbook);
	*logbook = NULL;
}

struct logbook *memory_logbook_port(struct memory_logbook *logbook)
{
	return &logbook->logbook;
}

struct wire *memory_logbook_requests(struct memory_logbook *logbook)
{
	return &logbook->requests;
}

struct wire *memory_logbook_answers(struct memory_logbook *logbook)
{
	return &logbook->answers;
}
