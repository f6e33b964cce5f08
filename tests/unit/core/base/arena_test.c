/* The arena: zeroed, aligned memory that is freed at once. */
#include "core/base/arena.h"

#include "support/suites.h"

#include <stdint.h>
#include <string.h>

#define CHUNK ((size_t)16 * 1024)

static struct arena *arena;

static void setup(void)
{
	arena = arena_new(CHUNK);
}

static void teardown(void)
{
	arena_free(&arena);
}

static const size_t sizes[] = {0, 1, 7, 16, 17, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 1000 * 1000};

START_TEST(memory_is_aligned_for_any_type)
{
	arena_alloc(arena, 1);

	ck_assert_uint_eq((uintptr_t)arena_alloc(arena, sizes[_i]) % _Alignof(max_align_t), 0);
}
END_TEST

START_TEST(memory_is_zeroed_even_when_it_was_used_before)
{
	char *used = arena_alloc(arena, 4000);

	memset(used, 'x', 4000);
	arena_clear(arena);

	ck_assert_ptr_eq(arena_alloc(arena, 4000), used);
	ck_assert_mem_eq(used, (char[4000]){0}, 4000);
}
END_TEST

START_TEST(allocations_do_not_overlap)
{
	char *first = arena_alloc(arena, sizes[_i]);
	char *second = arena_alloc(arena, 64);

	memset(first, 1, sizes[_i]);
	memset(second, 2, 64);

	for (size_t i = 0; i < sizes[_i]; i++) {
		if (first[i] != 1)
			ck_abort_msg("byte %zu was overwritten", i);
	}
	ck_assert_int_eq(second[63], 2);
}
END_TEST

static void use_some_memory(void)
{
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(arena, 1000), 'x', 1000);
	memset(arena_alloc(arena, 1000 * 1000), 'x', 1000 * 1000);
}

START_TEST(cleared_memory_is_used_again)
{
	size_t footprint;

	use_some_memory();
	footprint = arena_footprint(arena);
	for (int i = 0; i < 3; i++) {
		arena_clear(arena);
		use_some_memory();
	}

	ck_assert_uint_ge(footprint, 1100 * 1000);
	ck_assert_uint_eq(arena_footprint(arena), footprint);
}
END_TEST

START_TEST(clearing_frees_memory_above_what_an_arena_keeps)
{
	for (int i = 0; i < 3; i++)
		use_some_memory();
	ck_assert_uint_gt(arena_footprint(arena), ARENA_KEEP);
	arena_clear(arena);

	ck_assert_uint_le(arena_footprint(arena), ARENA_KEEP);
	ck_assert_uint_ge(arena_footprint(arena), ARENA_KEEP / 2);
}
END_TEST

START_TEST(free_accepts_null_and_nulls_the_pointer)
{
	struct arena *own = arena_new(CHUNK);
	struct arena *none = NULL;

	arena_free(&own);
	arena_free(&none);

	ck_assert_ptr_null(own);
	ck_assert_ptr_null(none);
}
END_TEST

START_TEST(copies_are_independent_of_the_original)
{
	char bytes[] = {1, 0, 2};
	const char *copy = arena_copy(arena, bytes, sizeof bytes);
	const char *text;

	bytes[0] = 9;
	text = arena_strdup(arena, "text");

	ck_assert_mem_eq(copy, "\1\0\2", 3);
	ck_assert_str_eq(text, "text");
}
END_TEST

START_TEST(printf_takes_as_much_as_the_text_needs)
{
	char *text = arena_printf(arena, "%s/%0*d", "sku", 20000, 7);

	ck_assert_uint_eq(strlen(text), 20004);
	ck_assert_mem_eq(text, "sku/000", 7);
	ck_assert_str_eq(text + 20000, "0007");
}
END_TEST

START_TEST(a_growing_array_keeps_its_elements)
{
	int64_t *numbers = arena_grow(arena, NULL, 0, sizeof *numbers);
	int moved = 0;

	numbers[0] = 0;
	for (int64_t i = 1; i < 1000; i++) {
		int64_t *before = numbers;

		numbers = arena_grow(arena, numbers, (size_t)i, sizeof *numbers);
		moved += numbers != before;
		numbers[i] = i;
	}

	for (int64_t i = 0; i < 1000; i++)
		ck_assert_int_eq(numbers[i], i);
	ck_assert_int_eq(moved, 7); /* at 8, 16 … 512 */
}
END_TEST

START_TEST(a_text_ends_with_nul)
{
	ck_assert_str_eq(arena_text(arena, "shelf", 3), "she");
	ck_assert_str_eq(arena_text(arena, "", 0), "");
}
END_TEST

START_TEST(texts_are_joined)
{
	ck_assert_str_eq(arena_join(arena, (const char *[]){"a", "", "long"}, 3, '/'), "a//long");
	ck_assert_str_eq(arena_join(arena, (const char *[]){"alone"}, 1, '/'), "alone");
}
END_TEST

START_TEST(printed_text_may_end_where_the_chunk_does)
{
	char *before = arena_alloc(arena, CHUNK - 16);
	char *text = arena_printf(arena, "%0*d", 15 + _i, 1), *after = arena_alloc(arena, 16);

	memset(before, 'x', CHUNK - 16);
	memset(after, 'x', 16);

	ck_assert_uint_eq(strlen(text), (size_t)15 + (size_t)_i);
	ck_assert_int_eq(text[14 + _i], '1');
}
END_TEST

SUITE("arena", setup, teardown)
{
	tcase_add_loop_test(tests, memory_is_aligned_for_any_type, 0, COUNT(sizes));
	tcase_add_test(tests, memory_is_zeroed_even_when_it_was_used_before);
	tcase_add_loop_test(tests, allocations_do_not_overlap, 0, COUNT(sizes));
	tcase_add_test(tests, cleared_memory_is_used_again);
	tcase_add_test(tests, clearing_frees_memory_above_what_an_arena_keeps);
	tcase_add_test(tests, free_accepts_null_and_nulls_the_pointer);
	tcase_add_test(tests, copies_are_independent_of_the_original);
	tcase_add_test(tests, printf_takes_as_much_as_the_text_needs);
	tcase_add_loop_test(tests, printed_text_may_end_where_the_chunk_does, 0, 3);
	tcase_add_test(tests, a_text_ends_with_nul);
	tcase_add_test(tests, texts_are_joined);
	tcase_add_test(tests, a_growing_array_keeps_its_elements);
}
