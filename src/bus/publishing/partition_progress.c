/* Positions of a partition only grow, until the database has a new incarnation. */
#include "bus/publishing/partition_progress.h"

#include <assert.h>

static void raise_to(int64_t *position, int64_t to)
{
	if (*position < to)
		*position = to;
}

/* A cursor beyond the head belongs to an incarnation that was lost. */
static int64_t sound(int64_t cursor, int64_t head)
{
	return cursor < head ? cursor : head;
}

void partition_progress_begin(struct partition_progress *progress, int64_t cursor, int64_t head)
{
	publish_queue_release(&progress->waiting);
	*progress = (struct partition_progress){
		.published = sound(cursor, head),
		.saved = sound(cursor, head),
		.committed = head,
		.owed = head,
		.abandoned = head,
		.is_unasked = true,
		.head = head,
	};
}

void partition_progress_compare(struct partition_progress *progress)
{
	publish_queue_release(&progress->waiting);
	progress->is_unasked = true;
}

/* False: the row is damaged, and not queued. */
static bool add(struct partition_progress *progress, const struct outbox_row *row,
		const struct predecessor_maker *maker)
{
	if (row->position > progress->published && !publish_queue_add(&progress->waiting, row, maker)) {
		progress->damaged = row->position;
		return false;
	}
	if (progress->damaged == row->position)
		progress->damaged = 0;
	return true;
}

void partition_progress_add_committed(struct partition_progress *progress, const struct outbox_row *row,
				      bool has_room, const struct predecessor_maker *maker)
{
	const struct queued_row *last = progress->waiting.last;
	bool is_whole;

	/* A row queued after rows without room would leave a gap that no other worker fills. */
	if ((last ? last->position : progress->published) >= progress->owed)
		progress->overflowed = false;
	progress->overflowed |= !has_room || progress->damaged;
	raise_to(&progress->owed, row->position);
	raise_to(&progress->committed, row->position);
	if (progress->overflowed)
		return;
	is_whole = add(progress, row, maker);
	assert(is_whole && "this worker encoded the frame");
	(void)is_whole;
}

static void note_absent(struct partition_progress *progress, int64_t position)
{
	if (position && position == progress->absent)
		progress->damaged = position;
	progress->absent = position;
}

void partition_progress_add_read(struct partition_progress *progress, const struct outbox_range *range,
				 const struct predecessor_maker *maker)
{
	size_t whole = 0;

	while (whole < range->row_count && add(progress, &range->rows[whole], maker))
		whole++;
	progress->is_missing = false;
	progress->is_unread = !whole;
	note_absent(progress, range->row_count ? 0 : range->after + 1);
}

void partition_progress_requeue(struct partition_progress *progress, struct publish_queue *rows)
{
	publish_queue_merge(&progress->waiting, rows);
	publish_queue_drop(&progress->waiting, progress->published);
}

static void advance(struct partition_progress *progress, int64_t published)
{
	raise_to(&progress->published, published);
	raise_to(&progress->committed, published);
	publish_queue_drop(&progress->waiting, published);
	if (progress->damaged <= progress->published)
		progress->damaged = 0;
}

void partition_progress_answered(struct partition_progress *progress, int64_t position)
{
	progress->is_unasked = false;
	if (progress->restored)
		return;
	if (position > progress->committed)
		raise_to(&progress->claimed, position);
	else
		advance(progress, position);
}

void partition_progress_begin_check(struct partition_progress *progress)
{
	progress->expected =
		progress->claimed > progress->committed ? progress->claimed : progress->committed;
}

void partition_progress_checked(struct partition_progress *progress, int64_t cursor, int64_t head, bool all)
{
	progress->is_unread = false;
	progress->restored |= head < progress->expected;
	if (progress->restored)
		return;
	if (progress->claimed <= head) {
		advance(progress, progress->claimed);
		progress->claimed = 0;
	}
	advance(progress, sound(cursor, head));
	raise_to(&progress->saved, sound(cursor, head));
	raise_to(&progress->committed, head);
	if (all)
		raise_to(&progress->abandoned, head);
	else if (progress->published < progress->head)
		raise_to(&progress->abandoned, progress->head);
	raise_to(&progress->owed, progress->abandoned);
	progress->head = head;
}

static bool is_held(const struct partition_progress *progress)
{
	return progress->is_unasked || progress->is_unread || progress->claimed || progress->restored;
}

size_t partition_progress_missing(const struct partition_progress *progress)
{
	const struct queued_row *first = progress->waiting.first;
	int64_t end = first ? first->position - 1 : progress->owed;

	if (is_held(progress) || end <= progress->published)
		return 0;
	if (first && !progress->is_missing && progress->published >= progress->abandoned)
		return 0;
	return (size_t)(end - progress->published);
}

bool partition_progress_is_open(const struct partition_progress *progress)
{
	return progress->waiting.first && !is_held(progress) && !partition_progress_missing(progress);
}

bool partition_progress_is_settled(const struct partition_progress *progress)
{
	return progress->saved >= (progress->damaged ? progress->damaged - 1 : progress->owed);
}

void partition_progress_was_saved(struct partition_progress *progress, int64_t cursor)
{
	raise_to(&progress->saved, cursor);
}

size_t partition_progress_unpublished(const struct partition_progress *progress)
{
	return progress->owed > progress->published ? (size_t)(progress->owed - progress->published) : 0;
}
