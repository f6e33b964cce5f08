/* Partitions are stored, so a SKU's partition must never change. */
#include "core/partition.h"

#include "support/suites.h"

#include <stdio.h>

static const struct {
	const char *sku;
	int partition;
} partitions[] = {
	{"", 1},
	{"a", 0},
	{"RED-CHAIR", 5},
	{"BLUE-VASE", 8},
	{"SMALL-TABLE", 10},
	{"SKU-0001", 7},
	{"SKU-0002", 10},
	{"\xe6\xa4\x85\xe5\xad\x90", 15},
};

START_TEST(the_partition_of_a_sku_never_changes)
{
	ck_assert_int_eq(partition_of(partitions[_i].sku), partitions[_i].partition);
}
END_TEST

START_TEST(skus_spread_evenly)
{
	int counts[PARTITIONS] = {0};
	char sku[32];

	for (int i = 0; i < 1000 * PARTITIONS; i++) {
		snprintf(sku, sizeof sku, "SKU-%d", i);
		counts[partition_of(sku)]++;
	}

	for (int i = 0; i < PARTITIONS; i++) {
		ck_assert_int_ge(counts[i], 850);
		ck_assert_int_le(counts[i], 1150);
	}
}
END_TEST

SUITE("partition")
{
	tcase_add_loop_test(tests, the_partition_of_a_sku_never_changes, 0, COUNT(partitions));
	tcase_add_test(tests, skus_spread_evenly);
}
