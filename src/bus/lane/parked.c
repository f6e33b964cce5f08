/* A list of parked SKUs. */
#include "bus/lane/parked.h"

#include "core/base/must.h"

#include <stdlib.h>

#define FIRST_TRY_MS 50
#define CAP_MS       2000

struct parked *parked_find(const struct parked_list *list, const char *sku)
{
	return (struct parked *)sku_list_find(&list->skus, sku);
}

struct parked *parked_add(struct parked_list *list, const char *sku, int64_t now_ms)
{
	struct parked *parked = must_alloc(sizeof *parked);

	sku_list_add(&list->skus, &parked->node, sku);
	parked->since_ms = parked->try_at_ms = now_ms;
	parked->backoff = (struct backoff){.first_ms = FIRST_TRY_MS, .cap_ms = CAP_MS};
	return parked;
}

struct parked *parked_first(const struct parked_list *list)
{
	return (struct parked *)list->skus.first;
}

struct parked *parked_next(const struct parked *parked)
{
	return (struct parked *)parked->node.next;
}

struct parked *parked_first_due(const struct parked_list *list)
{
	struct parked *first = parked_first(list);

	for (struct parked *it = first; it; it = parked_next(it)) {
		if (it->try_at_ms < first->try_at_ms)
			first = it;
	}
	return first;
}

void parked_remove(struct parked_list *list, struct parked *parked)
{
	sku_list_remove(&list->skus, &parked->node);
	delivery_queue_free(&parked->waiting);
	free(parked);
}
