/* The list of elements by SKU. */
#include "bus/base/sku_list.h"
#include "support/suites.h"

#include <stdio.h>

#define NODES 600 /* more SKUs than buckets, so some share one */

static struct sku_list list;
static struct sku_node nodes[NODES];

static void set_up(void)
{
	list = (struct sku_list){0};
}

/* Node 2n and node 2n + 1 have one SKU. */
static void fill(void)
{
	char sku[16];

	for (int i = 0; i < NODES; i++) {
		snprintf(sku, sizeof sku, "sku-%d", i / 2);
		sku_list_add(&list, &nodes[i], sku);
	}
}

static size_t count_by_walking(void)
{
	const struct sku_node *previous = NULL;
	size_t count = 0;

	for (const struct sku_node *it = list.first; it; previous = it, it = it->next, count++)
		ck_assert_ptr_eq(it->previous, previous);
	return count;
}

START_TEST(an_empty_list_has_no_sku)
{
	ck_assert_ptr_null(sku_list_find(&list, "sku-0"));
}
END_TEST

START_TEST(all_nodes_of_a_sku_are_found_the_newest_first)
{
	fill();

	for (int i = 0; i < NODES; i += 2) {
		struct sku_node *newest = sku_list_find(&list, nodes[i].sku);

		ck_assert_ptr_eq(newest, &nodes[i + 1]);
		ck_assert_ptr_eq(sku_list_find_next(newest), &nodes[i]);
		ck_assert_ptr_null(sku_list_find_next(&nodes[i]));
	}
	ck_assert_uint_eq(list.count, NODES);
	ck_assert_uint_eq(count_by_walking(), NODES);

	for (int i = 0; i < NODES; i++)
		sku_list_remove(&list, &nodes[i]);
}
END_TEST

/* `_i` is the first node that is removed: the older or the newer one of each SKU. */
START_TEST(a_removed_node_leaves_the_other_one_of_its_sku)
{
	char sku[16];

	fill();

	for (int i = _i; i < NODES; i += 2)
		sku_list_remove(&list, &nodes[i]);

	ck_assert_uint_eq(list.count, NODES / 2);
	ck_assert_uint_eq(count_by_walking(), NODES / 2);
	for (int i = 0; i < NODES / 2; i++) {
		snprintf(sku, sizeof sku, "sku-%d", i);
		ck_assert_ptr_eq(sku_list_find(&list, sku), &nodes[2 * i + 1 - _i]);
		ck_assert_ptr_null(sku_list_find_next(&nodes[2 * i + 1 - _i]));
	}

	for (int i = 1 - _i; i < NODES; i += 2)
		sku_list_remove(&list, &nodes[i]);
	ck_assert_ptr_null(list.first);
	ck_assert_ptr_null(sku_list_find(&list, "sku-0"));
}
END_TEST

SUITE("sku list", set_up, NULL)
{
	tcase_add_test(tests, an_empty_list_has_no_sku);
	tcase_add_test(tests, all_nodes_of_a_sku_are_found_the_newest_first);
	tcase_add_loop_test(tests, a_removed_node_leaves_the_other_one_of_its_sku, 0, 2);
}
