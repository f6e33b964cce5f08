/*
 * A list of elements that each belong to one SKU, with lookup by SKU.
 *
 * An element embeds a `struct sku_node` as its first member; its owner frees it after sku_list_remove().
 */
#ifndef ALLOCD_BUS_BASE_SKU_LIST_H
#define ALLOCD_BUS_BASE_SKU_LIST_H

#include <stddef.h>

struct sku_node {
	struct sku_node *previous, *next; /* in the list, which has no order */
	struct sku_node *next_in_bucket;
	char *sku; /* "": messages without a SKU */
};

/* Enough for short chains with thousands of SKUs: thousands of rows may be locked at once. */
#define SKU_LIST_BUCKETS 256

struct sku_list {
	struct sku_node *first;
	size_t count;
	struct sku_node *buckets[SKU_LIST_BUCKETS];
};

/* Returns a node of that SKU, the newest one first, or NULL. */
struct sku_node *sku_list_find(const struct sku_list *list, const char *sku);

/* Returns the next node of the same SKU after `node`, or NULL. */
struct sku_node *sku_list_find_next(const struct sku_node *node);

/* `sku` is copied. */
void sku_list_add(struct sku_list *list, struct sku_node *node, const char *sku);
void sku_list_remove(struct sku_list *list, struct sku_node *node);

#endif
