/* A hash map whose keys and entries live in an arena. */
#include "core/base/map.h"

#include "support/suites.h"

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(1024);
}

static void tear_down(void)
{
	arena_free(&arena);
}

START_TEST(a_map_finds_every_key_that_was_put_and_no_other)
{
	struct map map;
	int values[1000];

	map_init(&map, arena);
	ck_assert_ptr_null(map_get(&map, "key-0"));
	for (int i = 0; i < 1000; i++)
		map_put(&map, arena_printf(arena, "key-%d", i), &values[i]);

	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(map_get(&map, arena_printf(arena, "key-%d", i)), &values[i]);
	ck_assert_ptr_null(map_get(&map, "key-1000"));
	ck_assert_uint_eq(map.count, 1000);
}
END_TEST

START_TEST(a_key_that_is_put_again_has_the_new_value)
{
	struct map map;
	int old, new;

	map_init(&map, arena);
	map_put(&map, "key", &old);
	map_put(&map, "key", &new);

	ck_assert_ptr_eq(map_get(&map, "key"), &new);
	ck_assert_uint_eq(map.count, 1);
}
END_TEST

START_TEST(the_place_of_a_new_key_is_empty_and_then_has_what_was_put_there)
{
	struct map map;
	int value;

	map_init(&map, arena);
	ck_assert_ptr_null(*map_place(&map, "key"));
	*map_place(&map, "key") = &value;

	ck_assert_ptr_eq(*map_place(&map, "key"), &value);
	ck_assert_ptr_eq(map_get(&map, "key"), &value);
	ck_assert_uint_eq(map.count, 1);
}
END_TEST

SUITE("map", set_up, tear_down)
{
	tcase_add_test(tests, a_map_finds_every_key_that_was_put_and_no_other);
	tcase_add_test(tests, a_key_that_is_put_again_has_the_new_value);
	tcase_add_test(tests, the_place_of_a_new_key_is_empty_and_then_has_what_was_put_there);
}
