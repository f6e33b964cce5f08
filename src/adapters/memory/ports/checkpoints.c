/* Keeps the checkpoints of streams, and the subscription gaps. */
#include "adapters/memory/ports/checkpoints.h"

#include "core/base/container_of.h"
#include "core/base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct memory_checkpoints {
	struct checkpoints checkpoints;
	struct database *database;
	struct arena *arena; /* memory of the calls under way */
	struct cable requests, answers;
	bool is_refusing;
};

/* One call, from its beginning to its answer. */
struct checkpoints_call {
	struct memory_checkpoints *checkpoints;
	void (*carry_out)(struct checkpoints_call *call);
	int server; /* of the database, when the call was sent */
	bool failed;
	checkpoints_done *done;
	void *context;

	const char *name;
	struct stream_state state;
	struct stream_record *found; /* out */
	struct stream_record record;
	struct subscription_gap *windows;
	size_t count;
	bool is_subscribed;
	struct dead_question *questions;
	bool *dead; /* out */
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

/* Whether the incarnation's mark is missing, and the group is missing or it or the stream has moved back. */
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

/* Returns the latest incarnation whose mark is on the stream; 0 if there is no mark. */
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

static void do_open(struct checkpoints_call *call)
{
	struct database *database = call->checkpoints->database;
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

static void do_mark(struct checkpoints_call *call)
{
	struct stream_row *row = database_stream(call->checkpoints->database, call->name);

	if (!row || row->record.incarnation != call->record.incarnation)
		return;
	raise_id(&row->record.done, call->record.done);
	raise_id(&row->highest, call->state.last_generated);
	if (stream_lives_hold(call->state.lives, call->record.life))
		row->marked = row->record.incarnation;
}

/* Records a gap; one that is reported several times is recorded once. */
static void write_down(struct database *database, const struct subscription_gap *window)
{
	struct subscription_gap *row = database->blind_windows;
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
	database->blind_windows[database->blind_window_count++] = (struct subscription_gap){
		since, window->until, arena_strdup(database->arena, window->cause), window->is_first};
}

static void do_note(struct checkpoints_call *call)
{
	struct database *database = call->checkpoints->database;

	for (size_t i = 0; i < call->count; i++)
		write_down(database, &call->windows[i]);
	if (call->is_subscribed)
		database->heard_until = database_now(database);
}

static bool is_text(const char *text, const char *wanted)
{
	return text && wanted && !strcmp(text, wanted);
}

static bool is_dead(const struct database *database, const struct dead_question *question)
{
	for (size_t i = 0; i < database->dead_letter_count; i++) {
		const struct dead_letter_row *letter = &database->dead_letters[i];

		if (!strcmp(letter->origin, question->channel) &&
		    (is_text(letter->entry_id, question->name) || is_text(letter->id, question->id)))
			return true;
	}
	return false;
}

static void do_find_dead(struct checkpoints_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		call->dead[i] = is_dead(call->checkpoints->database, &call->questions[i]);
}

/* ---- the way of a call ---- */

static void on_answer(void *context)
{
	static const struct failure failure = {FAILURE_RETRY, "the database is away"};
	const struct checkpoints_call *call = context;
	bool is_lost = call->server != call->checkpoints->database->server;

	call->done(call->context, call->failed || is_lost ? &failure : NULL);
}

static void on_request(void *context)
{
	struct checkpoints_call *call = context;

	call->failed = call->checkpoints->database->down || call->checkpoints->is_refusing ||
		       call->server != call->checkpoints->database->server;
	if (!call->failed)
		call->carry_out(call);
	cable_pass(&call->checkpoints->answers, on_answer, call);
}

static struct checkpoints_call *begin(struct checkpoints *port,
				      void (*carry_out)(struct checkpoints_call *call),
				      checkpoints_done *done, void *context)
{
	struct memory_checkpoints *checkpoints = container_of(port, struct memory_checkpoints, checkpoints);
	struct checkpoints_call *call = arena_alloc(checkpoints->arena, sizeof *call);

	*call = (struct checkpoints_call){.checkpoints = checkpoints,
					  .carry_out = carry_out,
					  .server = checkpoints->database->server,
					  .done = done,
					  .context = context};
	cable_pass(&checkpoints->requests, on_request, call);
	return call;
}

static void open_stream(struct checkpoints *checkpoints, const char *name, const struct stream_state *state,
			struct stream_record *record, checkpoints_done *done, void *context)
{
	struct checkpoints_call *call = begin(checkpoints, do_open, done, context);

	call->name = arena_strdup(call->checkpoints->arena, name);
	call->state = *state;
	call->found = record;
}

static void mark_stream(struct checkpoints *checkpoints, const char *name, const struct stream_record *record,
			const struct stream_state *state, checkpoints_done *done, void *context)
{
	struct checkpoints_call *call = begin(checkpoints, do_mark, done, context);

	call->name = arena_strdup(call->checkpoints->arena, name);
	call->record = *record;
	call->state = *state;
}

static void note_blindness(struct checkpoints *checkpoints, const struct subscription_gap *windows,
			   size_t count, bool is_subscribed, checkpoints_done *done, void *context)
{
	struct checkpoints_call *call = begin(checkpoints, do_note, done, context);
	struct arena *arena = call->checkpoints->arena;

	call->windows = arena_alloc(arena, (count + 1) * sizeof *windows);
	for (size_t i = 0; i < count; i++) {
		call->windows[i] = windows[i];
		call->windows[i].cause = arena_strdup(arena, windows[i].cause);
	}
	call->count = count;
	call->is_subscribed = is_subscribed;
}

static const char *copied(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

static void find_dead(struct checkpoints *checkpoints, const struct dead_question *questions, size_t count,
		      bool *found, checkpoints_done *done, void *context)
{
	struct checkpoints_call *call = begin(checkpoints, do_find_dead, done, context);
	struct arena *arena = call->checkpoints->arena;

	call->questions = arena_alloc(arena, count * sizeof *questions);
	for (size_t i = 0; i < count; i++)
		call->questions[i] = (struct dead_question){arena_strdup(arena, questions[i].channel),
							    copied(arena, questions[i].name),
							    copied(arena, questions[i].id)};
	call->count = count;
	call->dead = found;
}

/* ---- the checkpoints ---- */

struct memory_checkpoints *memory_checkpoints_new(struct database *database)
{
	static const struct checkpoints_ops ops = {open_stream, mark_stream, note_blindness, find_dead};
	struct memory_checkpoints *checkpoints = must_alloc(sizeof *checkpoints);

	checkpoints->checkpoints.ops = &ops;
	checkpoints->database = database;
	checkpoints->arena = arena_new(4096);
	cable_init(&checkpoints->requests, database->simulation);
	cable_init(&checkpoints->answers, database->simulation);
	return checkpoints;
}

void memory_checkpoints_set_refusing(struct memory_checkpoints *checkpoints, bool is_refusing)
{
	checkpoints->is_refusing = is_refusing;
}

void memory_checkpoints_free(struct memory_checkpoints **checkpoints)
{
	if (!*checkpoints)
		return;
	cable_clear(&(*checkpoints)->requests);
	cable_clear(&(*checkpoints)->answers);
	arena_free(&(*checkpoints)->arena);
	free(*checkpoints);
	*checkpoints = NULL;
}

struct checkpoints *memory_checkpoints_port(struct memory_checkpoints *checkpoints)
{
	return &checkpoints->checkpoints;
}

struct cable *memory_checkpoints_requests(struct memory_checkpoints *checkpoints)
{
	return &checkpoints->requests;
}

struct cable *memory_checkpoints_answers(struct memory_checkpoints *checkpoints)
{
	return &checkpoints->answers;
}
