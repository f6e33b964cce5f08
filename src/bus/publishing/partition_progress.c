/* What is known of a partition only grows, until the database begins a new life. */
#include "bus/publishing/partition_progress.h"

static void raise_to(int64_t *position, int64_t to)
{
	if (*position < to)
		*position = to;
}

/* A cursor beyond the head is of a life that is lost. */
static int64_t sound(int64_t cursor, int64_t head)
{
	return cursor < head ? cursor : head;
}

void partition_progress_begin(struct partition_progress *line, int64_t cursor, int64_t head)
{
	publish_queue_release(&line->waiting);
	*line = (struct partition_progress){
		.published = sound(cursor, head),
		.saved = sound(cursor, head),
		.committed = head,
		.owed = head,
		.left = head,
		.is_unasked = true,
		.head = head,
	};
}

bool partition_progress_put(struct partition_progress *line, const struct outbox_row *row)
{
	return row->position <= line->published || publish_queue_add(&line->waiting, row);
}

bool partition_progress_take(struct partition_progress *line, const struct outbox_row *row, bool has_room)
{
	const struct queued_row *last = line->waiting.last;

	/* What comes after rows that found no room would leave a gap that is nobody else's. */
	if ((last ? last->position : line->published) >= line->owed)
		line->overflowed = false;
	line->overflowed |= !has_room;
	raise_to(&line->owed, row->position);
	raise_to(&line->committed, row->position);
	return line->overflowed || partition_progress_put(line, row);
}

void partition_progress_take_back(struct partition_progress *line, struct publish_queue *rows)
{
	publish_queue_merge(&line->waiting, rows);
	publish_queue_drop(&line->waiting, line->published);
}

static void advance(struct partition_progress *line, int64_t published)
{
	raise_to(&line->published, published);
	raise_to(&line->committed, published);
	publish_queue_drop(&line->waiting, published);
}

void partition_progress_answered(struct partition_progress *line, int64_t position)
{
	line->is_unasked = false;
	if (line->restored)
		return;
	if (position > line->committed)
		raise_to(&line->claimed, position);
	else
		advance(line, position);
}

void partition_progress_was_read(struct partition_progress *line, size_t count)
{
	line->is_missing = false;
	line->is_absent = !count;
}

void partition_progress_expect(struct partition_progress *line)
{
	line->expected = line->claimed > line->committed ? line->claimed : line->committed;
}

void partition_progress_looked(struct partition_progress *line, int64_t cursor, int64_t head, bool all)
{
	line->is_absent = false;
	line->restored |= head < line->expected;
	if (line->restored)
		return;
	if (line->claimed <= head) {
		advance(line, line->claimed);
		line->claimed = 0;
	}
	advance(line, sound(cursor, head));
	raise_to(&line->saved, sound(cursor, head));
	raise_to(&line->committed, head);
	if (all)
		raise_to(&line->left, head);
	else if (line->published < line->head)
		raise_to(&line->left, line->head);
	raise_to(&line->owed, line->left);
	line->head = head;
}

static bool is_held(const struct partition_progress *line)
{
	return line->is_unasked || line->is_absent || line->claimed || line->restored;
}

size_t partition_progress_lacks(const struct partition_progress *line)
{
	const struct queued_row *first = line->waiting.first;
	int64_t end = first ? first->position - 1 : line->owed;

	if (is_held(line) || end <= line->published)
		return 0;
	if (first && !line->is_missing && line->published >= line->left)
		return 0;
	return (size_t)(end - line->published);
}

bool partition_progress_is_open(const struct partition_progress *line)
{
	return line->waiting.first && !is_held(line) && !partition_progress_lacks(line);
}

bool partition_progress_is_settled(const struct partition_progress *line)
{
	return line->saved >= line->owed;
}

void partition_progress_was_saved(struct partition_progress *line, int64_t cursor)
{
	if (cursor <= line->published)
		raise_to(&line->saved, cursor);
}

size_t partition_progress_unpublished(const struct partition_progress *line)
{
	return line->owed > line->published ? (size_t)(line->owed - line->published) : 0;
}
