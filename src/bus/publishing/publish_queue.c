/* A sorted list: nearly always rows are added at the end and removed from the front. */
#include "bus/publishing/publish_queue.h"

static void append(struct publish_queue *rows, struct queued_row *row)
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

static struct queued_row *pop(struct publish_queue *rows)
{
	struct queued_row *row = rows->first;

	rows->first = row->next;
	if (!rows->first)
		rows->last = NULL;
	rows->count--;
	rows->footprint -= arena_footprint(row->arena);
	return row;
}

static void drop_first(struct publish_queue *rows)
{
	struct arena *arena = pop(rows)->arena;

	arena_free(&arena);
}

bool publish_queue_add(struct publish_queue *rows, const struct outbox_row *row,
		       const struct predecessor_maker *maker)
{
	struct arena *arena = arena_new(sizeof(struct queued_row) + row->frame.size + 512);
	struct queued_row *waiting = arena_alloc(arena, sizeof *waiting);
	struct bytes frame = {arena_copy(arena, row->frame.data, row->frame.size), row->frame.size};
	struct publish_queue single = {0};

	waiting->arena = arena;
	waiting->position = row->position;
	if (row->cause)
		waiting->cause = arena_copy(arena, row->cause, sizeof *row->cause);
	if (!outbox_frame_decode(arena, frame, &waiting->events, &waiting->event_count)) {
		arena_free(&arena);
		return false;
	}
	predecessors_insert(maker, arena, &waiting->events, &waiting->event_count);
	append(&single, waiting);
	publish_queue_merge(rows, &single);
	return true;
}

/* Every row of `more` has a higher position than every row of `rows`. */
static void concatenate(struct publish_queue *rows, struct publish_queue *more)
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
	*more = (struct publish_queue){0};
}

void publish_queue_merge(struct publish_queue *rows, struct publish_queue *more)
{
	struct publish_queue earlier = {0};

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

struct publish_queue publish_queue_take_run(struct publish_queue *rows)
{
	struct publish_queue run = {0};

	while (rows->first && (!run.last || rows->first->position == run.last->position + 1))
		append(&run, pop(rows));
	return run;
}

void publish_queue_drop(struct publish_queue *rows, int64_t position)
{
	while (rows->first && rows->first->position <= position)
		drop_first(rows);
}

void publish_queue_release(struct publish_queue *rows)
{
	while (rows->first)
		drop_first(rows);
}
