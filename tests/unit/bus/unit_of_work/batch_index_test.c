/* The SKU of a batch, as far as it is known without the database. */
#include "support/suites.h"

#include "bus/unit_of_work/batch_index.h"

#include <string.h>

#define CACHED 16384

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(1024);
}

static void tear_down(void)
{
	arena_free(&arena);
}

START_TEST(the_earliest_create_batch_on_its_way_names_the_sku_of_a_batch)
{
	struct batch_index *index = batch_index_new(CACHED);
	struct delivery first = {.batchref = "batch", .sku = "LAMP"},
			second = {.batchref = "batch", .sku = "CHAIR"};

	batch_index_add_creation(index, &first);
	batch_index_add_creation(index, &second);
	ck_assert_str_eq(batch_index_created(index, "batch"), "LAMP");
	ck_assert_ptr_null(batch_index_created(index, "other"));

	batch_index_remove_creation(index, &first);
	ck_assert_str_eq(batch_index_created(index, "batch"), "CHAIR");
	batch_index_remove_creation(index, &second);
	ck_assert_ptr_null(batch_index_created(index, "batch"));
	batch_index_free(&index);
}
END_TEST

START_TEST(removing_a_creation_that_was_never_added_changes_nothing)
{
	struct batch_index *index = batch_index_new(CACHED);
	struct delivery added = {.batchref = "batch", .sku = "LAMP"},
			other = {.batchref = "batch", .sku = "CHAIR"};

	batch_index_add_creation(index, &added);
	batch_index_remove_creation(index, &other);

	ck_assert_str_eq(batch_index_created(index, "batch"), "LAMP");
	batch_index_free(&index);
}
END_TEST

START_TEST(the_index_remembers_a_bounded_number_of_batches)
{
	struct batch_index *index = batch_index_new(CACHED);
	int known = 0;

	for (int i = 0; i < 100000; i++)
		batch_index_remember(index, arena_printf(arena, "batch-%d", i), "LAMP");
	for (int i = 0; i < 100000; i++)
		known += batch_index_stored(index, arena_printf(arena, "batch-%d", i)) != NULL;

	ck_assert_int_gt(known, 12000);
	ck_assert_int_lt(known, 20000);
	batch_index_free(&index);
}
END_TEST

START_TEST(the_index_remembers_nearly_all_of_a_few_batches)
{
	struct batch_index *index = batch_index_new(CACHED);
	int known = 0;

	for (int i = 0; i < 8000; i++)
		batch_index_remember(index, arena_printf(arena, "batch-%d", i % 4000), "LAMP");
	for (int i = 0; i < 4000; i++)
		known += batch_index_stored(index, arena_printf(arena, "batch-%d", i)) != NULL;

	ck_assert_int_gt(known, 3900);
	batch_index_free(&index);
}
END_TEST

/* _i: the length of the text. */
START_TEST(a_reference_of_64_bytes_or_more_is_remembered_only_while_watching)
{
	struct batch_index *index = batch_index_new(CACHED);
	char *reference = arena_alloc(arena, (size_t)_i + 1);

	memset(reference, 'x', (size_t)_i);
	batch_index_remember(index, reference, "LAMP");
	ck_assert_int_eq(batch_index_stored(index, reference) != NULL, _i < 64);

	batch_index_watch(index);
	batch_index_remember(index, reference, "LAMP");
	ck_assert_str_eq(batch_index_stored(index, reference), "LAMP");

	batch_index_unwatch(index);
	ck_assert_int_eq(batch_index_stored(index, reference) != NULL, _i < 64);
	batch_index_free(&index);
}
END_TEST

SUITE("batch index", set_up, tear_down)
{
	tcase_add_test(tests, the_earliest_create_batch_on_its_way_names_the_sku_of_a_batch);
	tcase_add_test(tests, removing_a_creation_that_was_never_added_changes_nothing);
	tcase_add_test(tests, the_index_remembers_a_bounded_number_of_batches);
	tcase_add_test(tests, the_index_remembers_nearly_all_of_a_few_batches);
	tcase_add_loop_test(tests, a_reference_of_64_bytes_or_more_is_remembered_only_while_watching, 62, 66);
}
