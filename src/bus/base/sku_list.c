/* A doubly linked list, and a hash table with chains over its nodes. */
#include "bus/base/sku_list.h"

#include "core/base/hash.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

static size_t bucket_of(const char *sku)
{
	return (size_t)hash_text(sku) % SKU_LIST_BUCKETS;
}

static struct sku_node *find_in_chain(struct sku_node *it, const char *sku)
{
	while (it && strcmp(it->sku, sku))
		it = it->next_in_bucket;
	return it;
}

struct sku_node *sku_list_find(const struct sku_list *list, const char *sku)
{
	return list->count ? find_in_chain(list->buckets[bucket_of(sku)], sku) : NULL;
}

struct sku_node *sku_list_find_next(const struct sku_node *node)
{
	return find_in_chain(node->next_in_bucket, node->sku);
}

void sku_list_add(struct sku_list *list, struct sku_node *node, const char *sku)
{
	struct sku_node **bucket = &list->buckets[bucket_of(sku)];

	*node = (struct sku_node){.next = list->first, .next_in_bucket = *bucket, .sku = must(strdup(sku))};
	if (list->first)
		list->first->previous = node;
	list->first = node;
	*bucket = node;
	list->count++;
}

void sku_list_remove(struct sku_list *list, struct sku_node *node)
{
	struct sku_node **bucket = &list->buckets[bucket_of(node->sku)];

	if (node->previous)
		node->previous->next = node->next;
	else
		list->first = node->next;
	if (node->next)
		node->next->previous = node->previous;
	while (*bucket != node)
		bucket = &(*bucket)->next_in_bucket;
	*bucket = node->next_in_bucket;
	list->count--;
	free(node->sku);
}
