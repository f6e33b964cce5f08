/* Sorted lists: nearly always what comes is added at the end, and what goes is taken from the front. */
#include "bus/publishing/publish_queue.h"

static void append(struct waiting_rows *rows, struct waiting_row *row)
{
	row->next = NULL;
	if (rows->last)
		rows->last->next = row;
	else
		rows->first = row;
	rows->last = row;
	rows->count++;
	rows->footprint += arena_footprint(row->arena);
}

static struct waiting_row *pop(struct waiting_rows *rows)
{
	struct waiting_row *row = rows->first;

	rows->first = row->next;
	if (!rows->first)
		rows->last = NULL;
	rows->count--;
	rows->footprint -= arena_footprint(row->arena);
	return row;
}

static void drop_first(struct waiting_rows *rows)
{
	struct arena *arena = pop(rows)->arena;

	arena_free(&arena);
}

bool waiting_rows_add(struct waiting_rows *rows, const struct outbox_row *row)
{
	struct arena *arena = arena_new(sizeof(struct waiting_row) + row->frame.size + 512);
	struct waiting_row *waiting = arena_alloc(arena, sizeof *waiting);
	struct bytes frame = {arena_copy(arena, row->frame.data, row->frame.size), row->frame.size};
	struct waiting_rows single = {0};
	bool is_whole;

	waiting->arena = arena;
	waiting->position = row->position;
	is_whole = outbox_frame_decode(arena, frame, &waiting->events, &waiting->event_count);
	if (!is_whole)
		waiting->event_count = 0;
	append(&single, waiting);
	waiting_rows_merge(rows, &single);
	return is_whole;
}

/* All of `more` is behind all of `rows`. */
static void concatenate(struct waiting_rows *rows, struct waiting_rows *more)
{
	if (!more->first)
		return;
	if (rows->last)
		rows->last->next = more->first;
	else
		rows->first = more->first;
	rows->last = more->last;
	rows->count += more->count;
	rows->footprint += more->footprint;
	*more = (struct waiting_rows){0};
}

void waiting_rows_merge(struct waiting_rows *rows, struct waiting_rows *more)
{
	struct waiting_rows earlier = {0};

	while (rows->first && more->first && rows->last->position >= more->first->position) {
		if (rows->first->position == more->first->position)
			drop_first(more);
		else if (rows->first->position < more->first->position)
			append(&earlier, pop(rows));
		else
			append(&earlier, pop(more));
	}
	concatenate(&earlier, rows);
	concatenate(&earlier, more);
	*rows = earlier;
}

struct waiting_rows waiting_rows_take_run(struct waiting_rows *rows)
{
	struct waiting_rows run = {0};

	while (rows->first && (!run.last || rows->first->position == run.last->position + 1))
		append(&run, pop(rows));
	return run;
}

void waiting_rows_drop(struct waiting_rows *rows, int64_t position)
{
	while (rows->first && rows->first->position <= position)
		drop_first(rows);
}

void waiting_rows_release(struct waiting_rows *rows)
{
	while (rows->first)
		drop_first(rows);
}
