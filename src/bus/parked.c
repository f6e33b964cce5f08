/* A list of parked SKUs; there are seldom more than a few. */
#include "bus/parked.h"

#include "core/must.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_TRY_MS 50
#define CAP_MS       2000

const char *parked_key(const struct delivery *delivery)
{
	return delivery->sku ? delivery->sku : "";
}

struct parked *parked_find(const struct parked_list *list, const char *sku)
{
	struct parked *it = list->first;

	while (it && strcmp(it->sku, sku))
		it = it->next;
	return it;
}

struct parked *parked_add(struct parked_list *list, const char *sku, struct lane *home, int64_t now_ms)
{
	struct parked *parked = must_alloc(sizeof *parked);

	parked->sku = must(strdup(sku));
	parked->home = home;
	parked->since_ms = parked->try_at_ms = now_ms;
	parked->backoff = (struct backoff){.first_ms = FIRST_TRY_MS, .cap_ms = CAP_MS};
	parked->next = list->first;
	list->first = parked;
	list->count++;
	return parked;
}

struct parked *parked_first_due(const struct parked_list *list)
{
	struct parked *first = list->first;

	for (struct parked *it = first; it; it = it->next) {
		if (it->try_at_ms < first->try_at_ms)
			first = it;
	}
	return first;
}

void parked_remove(struct parked_list *list, struct parked *parked)
{
	struct parked **place = &list->first;

	while (*place != parked)
		place = &(*place)->next;
	*place = parked->next;
	list->count--;
	delivery_queue_free(&parked->waiting);
	free(parked->sku);
	free(parked);
}

size_t parked_collect(struct parked *parked, struct delivery_queue *queue)
{
	struct delivery_queue rest = {0};
	size_t before = parked->waiting.count;
	struct delivery *delivery;

	while ((delivery = delivery_queue_pop(queue))) {
		bool is_of_sku = !strcmp(parked_key(delivery), parked->sku);

		delivery_queue_push(is_of_sku ? &parked->waiting : &rest, delivery);
	}
	*queue = rest;
	return parked->waiting.count - before;
}
