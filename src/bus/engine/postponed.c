/* Marks of postponed stream entries, one for each SKU and stream. */
#include "bus/engine/postponed.h"

#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

struct postponed *postponed_first(const struct postponed_list *list)
{
	return (struct postponed *)list->marks.first;
}

struct postponed *postponed_next(const struct postponed *mark)
{
	return (struct postponed *)mark->node.next;
}

static struct postponed *find(const struct postponed_list *list, const char *stream, const char *sku)
{
	struct sku_node *it = sku_list_find(&list->marks, sku);

	while (it && strcmp(((struct postponed *)it)->stream, stream))
		it = sku_list_find_next(it);
	return (struct postponed *)it;
}

static void remove_mark(struct postponed_list *list, struct postponed *mark)
{
	sku_list_remove(&list->marks, &mark->node);
	free(mark->stream);
	free(mark);
}

void postponed_list_free(struct postponed_list *list)
{
	while (list->marks.first)
		remove_mark(list, postponed_first(list));
}

/* An event whose process is taken over has no entry: it comes after all entries. */
static struct stream_id id_of(const struct delivery *delivery)
{
	struct stream_id id = STREAM_ID_MAX;

	if (delivery->entry_id)
		stream_id_parse(delivery->entry_id, &id);
	return id;
}

/*
 * Admits entries before all postponed ones, and entries of the current pass.  An entry of an earlier pass,
 * or one accepted before the mark was set, may be behind entries that this pass has yet to return.
 */
static bool admits(const struct postponed *mark, const struct delivery *delivery)
{
	struct stream_id first = mark->is_blocked ? mark->lowest : mark->begin;

	return stream_id_compare(id_of(delivery), first) < 0 ||
	       (!mark->is_blocked && delivery->pass == mark->pass);
}

bool postponed_admits(const struct postponed_list *list, const struct delivery *delivery, const char *sku)
{
	const struct postponed *mark = find(list, delivery->origin, sku);

	return !mark || admits(mark, delivery);
}

bool postponed_has(const struct postponed_list *list, const char *stream)
{
	const struct postponed *it = postponed_first(list);

	while (it && strcmp(it->stream, stream))
		it = postponed_next(it);
	return it;
}

void postponed_forget(struct postponed_list *list, const char *stream)
{
	struct postponed *next;

	for (struct postponed *it = postponed_first(list); it; it = next) {
		next = postponed_next(it);
		if (!strcmp(it->stream, stream))
			remove_mark(list, it);
	}
}

static struct postponed *add_mark(struct postponed_list *list, const char *stream, const char *sku)
{
	struct postponed *mark = must_alloc(sizeof *mark);

	sku_list_add(&list->marks, &mark->node, sku);
	mark->stream = must(strdup(stream));
	mark->lowest = mark->begin = STREAM_ID_MAX;
	mark->is_blocked = true;
	return mark;
}

/* Returns whether the mark may not admit any more what it admitted. */
static bool add_entry(struct postponed *mark, const struct delivery *delivery)
{
	bool was_blocked = mark->is_blocked, is_lower = stream_id_compare(id_of(delivery), mark->lowest) < 0;

	/* Blocked, unless the current pass returns the entry again and no lane accepted it before. */
	mark->is_blocked = mark->is_blocked || !delivery->pass_follows || delivery->was_accepted;
	if (is_lower)
		mark->lowest = id_of(delivery);
	return mark->is_blocked && (is_lower || !was_blocked);
}

const char *postponed_add(struct postponed_list *list, const struct delivery *delivery, const char *sku)
{
	struct postponed *mark = find(list, delivery->origin, sku);

	if (!mark)
		mark = add_mark(list, delivery->origin, sku);
	mark->has_creation = mark->has_creation || delivery->creates_batch;
	return add_entry(mark, delivery) ? mark->node.sku : NULL;
}

static struct postponed *mark_before(const struct postponed_list *list, const struct delivery *delivery,
				     bool creations_only)
{
	for (struct postponed *it = postponed_first(list); it; it = postponed_next(it)) {
		if ((it->has_creation || !creations_only) && !strcmp(it->stream, delivery->origin) &&
		    !admits(it, delivery))
			return it;
	}
	return NULL;
}

bool postponed_add_unknown(struct postponed_list *list, const struct delivery *delivery, const char **behind)
{
	struct postponed *mark = mark_before(list, delivery, true);

	*behind = mark && add_entry(mark, delivery) ? mark->node.sku : NULL;
	return mark;
}

const char *postponed_before(const struct postponed_list *list, const struct delivery *event)
{
	const struct postponed *mark = mark_before(list, event, false);

	return mark ? mark->node.sku : NULL;
}

uint64_t postponed_begin_pass(struct postponed_list *list, const char *stream, struct stream_id after)
{
	list->passes++;
	for (struct postponed *it = postponed_first(list); it; it = postponed_next(it)) {
		if (strcmp(it->stream, stream) || stream_id_compare(it->lowest, after) <= 0)
			continue;
		if (it->is_blocked || stream_id_compare(it->lowest, it->begin) < 0)
			it->begin = it->lowest;
		it->pass = list->passes;
		it->is_blocked = false;
		it->lowest = STREAM_ID_MAX;
	}
	return list->passes;
}

bool postponed_end_pass(struct postponed_list *list, const char *stream)
{
	bool had_some = postponed_has(list, stream);
	struct postponed *next;

	for (struct postponed *it = postponed_first(list); it; it = next) {
		next = postponed_next(it);
		if (!strcmp(it->stream, stream) && !it->is_blocked)
			remove_mark(list, it);
	}
	return had_some && !postponed_has(list, stream);
}
