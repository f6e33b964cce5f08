/* Partitions are stored: they must never change. */
#include "core/partition.h"

#include "support/suites.h"

#include <stdio.h>
#include <string.h>

/* From the authors' list: http://www.isthe.com/chongo/src/fnv/test_fnv.c */
static const struct {
	const char *text;
	uint64_t hash;
} hashes[] = {
	{"", UINT64_C(0xcbf29ce484222325)},
	{"a", UINT64_C(0xaf63dc4c8601ec8c)},
	{"foobar", UINT64_C(0x85944171f73967e8)},
};

START_TEST(the_hash_is_fnv1a)
{
	ck_assert_uint_eq(fnv1a(FNV_BASIS, hashes[_i].text, strlen(hashes[_i].text)), hashes[_i].hash);
}
END_TEST

START_TEST(a_hash_goes_on_where_another_ended)
{
	ck_assert_uint_eq(fnv1a(fnv1a(FNV_BASIS, "foo", 3), "bar", 3), fnv1a(FNV_BASIS, "foobar", 6));
}
END_TEST

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

START_TEST(a_sku_stays_in_its_partition_for_ever)
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
	tcase_add_loop_test(tests, the_hash_is_fnv1a, 0, COUNT(hashes));
	tcase_add_test(tests, a_hash_goes_on_where_another_ended);
	tcase_add_loop_test(tests, a_sku_stays_in_its_partition_for_ever, 0, COUNT(partitions));
	tcase_add_test(tests, skus_spread_evenly);
}
