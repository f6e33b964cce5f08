/* A list of shrinks in progress; it seldom has more than one. */
#include "bus/lane/active_shrinks.h"

#include "core/base/must.h"

#include <string.h>

struct active_shrink *active_shrinks_find(const struct active_shrinks *list, const char *sku)
{
	struct active_shrink *it = list->first;

	while (it && strcmp(it->sku, sku))
		it = it->next;
	return it;
}

void active_shrinks_push(struct active_shrinks *list, struct active_shrink *shrink)
{
	struct active_shrink **end = &list->first;

	while (*end)
		end = &(*end)->next;
	shrink->next = NULL;
	*end = shrink;
}

struct active_shrink *active_shrinks_pop(struct active_shrinks *list)
{
	struct active_shrink *first = list->first;

	if (first)
		list->first = first->next;
	return first;
}

struct active_shrink *active_shrinks_ensure(struct active_shrinks *list, const char *sku)
{
	struct active_shrink *shrink = active_shrinks_find(list, sku);

	if (shrink)
		return shrink;
	shrink = must_alloc(sizeof *shrink);
	shrink->sku = must(strdup(sku));
	active_shrinks_push(list, shrink);
	return shrink;
}

void active_shrinks_rotate(struct active_shrinks *list)
{
	struct active_shrink *first = active_shrinks_pop(list);

	if (first)
		active_shrinks_push(list, first);
}

struct delivery *active_shrinks_end_first(struct active_shrinks *list, struct delivery_queue *queue)
{
	struct active_shrink *first = active_shrinks_pop(list);
	struct delivery *cause = first->cause;

	delivery_queue_prepend(queue, &first->waiting);
	free(first->sku);
	free(first);
	return cause;
}

void active_shrinks_release(struct active_shrinks *list)
{
	while (list->first) {
		struct delivery_queue waiting = {0};
		struct delivery *cause = active_shrinks_end_first(list, &waiting);

		delivery_queue_free(&waiting);
		delivery_free(&cause);
	}
}
