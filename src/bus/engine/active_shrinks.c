/* A list of shrinks that go on; there is seldom more than one. */
#include "bus/engine/active_shrinks.h"

#include "core/base/must.h"

#include <string.h>

struct unfinished *unfinished_find(const struct unfinished_list *list, const char *sku)
{
	struct unfinished *it = list->first;

	while (it && strcmp(it->sku, sku))
		it = it->next;
	return it;
}

static void append(struct unfinished_list *list, struct unfinished *unfinished)
{
	struct unfinished **end = &list->first;

	while (*end)
		end = &(*end)->next;
	unfinished->next = NULL;
	*end = unfinished;
}

struct unfinished *unfinished_ensure(struct unfinished_list *list, const char *sku)
{
	struct unfinished *unfinished = unfinished_find(list, sku);

	if (unfinished)
		return unfinished;
	unfinished = must_alloc(sizeof *unfinished);
	unfinished->sku = must(strdup(sku));
	append(list, unfinished);
	return unfinished;
}

void unfinished_rotate(struct unfinished_list *list)
{
	struct unfinished *first = list->first;

	if (!first)
		return;
	list->first = first->next;
	append(list, first);
}

struct delivery *unfinished_end_first(struct unfinished_list *list, struct delivery_queue *queue)
{
	struct unfinished *first = list->first;
	struct delivery *cause = first->cause;

	list->first = first->next;
	delivery_queue_prepend(queue, &first->waiting);
	free(first->sku);
	free(first);
	return cause;
}

void unfinished_release(struct unfinished_list *list)
{
	while (list->first) {
		struct delivery_queue waiting = {0};
		struct delivery *cause = unfinished_end_first(list, &waiting);

		delivery_queue_free(&waiting);
		delivery_free(&cause);
	}
}
