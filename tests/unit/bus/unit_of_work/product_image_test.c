/* What is known of a product is packed, and restored unchanged. */
#include "bus/unit_of_work/product_image.h"

#include "support/stored_product.h"
#include "support/suites.h"

#include <stdlib.h>

#define TOMORROW 15001

static struct arena *arena;
static struct journal journal;
static struct product *product;

static void setup(void)
{
	arena = arena_new((size_t)64 * 1024);
	journal_init(&journal);
	product = stored_product(arena, &journal, "chair", 7, 40, 3);
	stored_put_range(product, 1, NULL);
}

static void teardown(void)
{
	journal_release(&journal);
	arena_free(&arena);
}

static void put_batch(const char *reference, int32_t eta, int32_t purchased, int32_t allocated)
{
	stored_put_batch(product, &(struct stored_batch){.key = 100 + purchased,
							 .reference = reference,
							 .eta = eta,
							 .original_qty = purchased + 5,
							 .purchased = purchased,
							 .allocated = allocated,
							 .changed_at = 12345});
}

/* Returns NULL if packing the product is not worthwhile. */
static struct product_image *packed(void)
{
	size_t size = product_image_measure(product);
	struct product_image *image = size ? malloc(size) : NULL;

	if (image)
		product_image_write(image, product);
	if (image)
		ck_assert_uint_eq(product_image_size(image), size);
	return image;
}

/* Replaces the product by its restored image. */
static void pack_and_restore(void)
{
	struct product_image *image = packed();

	ck_assert_ptr_nonnull(image);
	ck_assert_str_eq(product_image_sku(image), "chair");
	product = product_image_restore(image, arena, &journal, MOVE_MAX_DEFAULT);
	free(image);
}

static enum verdict allocate(const char *orderid, int32_t qty)
{
	return product_allocate(product, &(struct order_line){orderid, "chair", qty});
}

static const char *batch_of(const char *orderid, int32_t qty)
{
	const struct allocation *line = product_line(product, orderid, qty);

	return line && allocation_batch(line) ? batch_reference(allocation_batch(line)) : "";
}

START_TEST(an_image_restores_product_and_batches)
{
	struct stored_batch shipment;
	const struct batch *batch;

	put_batch("shipment", TOMORROW, 10, 4);
	put_batch("shelf", IN_WAREHOUSE, 6, 6);
	pack_and_restore();

	ck_assert_str_eq(product_sku(product), "chair");
	ck_assert(stored_key(product) == 7 && product_version(product) == 40 &&
		  stored_revision(product) == 3);
	ck_assert(!product_has_changed(product) && !product_first_changed_line(product));
	ck_assert_ptr_null(product_collect_events(product));
	ck_assert_str_eq(stored_references(product), "shelf shipment");
	batch = product_batch(product, "shipment");
	ck_assert(!batch_is_new(batch) && !batch_has_changed(batch));
	shipment = stored_batch(batch);
	ck_assert(shipment.key == 110 && shipment.eta == TOMORROW && shipment.original_qty == 15);
	ck_assert(shipment.purchased == 10 && shipment.allocated == 4 && shipment.changed_at == 12345);
}
END_TEST

START_TEST(a_changed_product_has_the_revision_that_its_flush_gives_it)
{
	put_batch("shelf", IN_WAREHOUSE, 10, 0);
	allocate("order", 3);
	pack_and_restore();

	ck_assert(stored_revision(product) == 4 && product_version(product) == 41);
	ck_assert_int_eq(batch_allocated(product_batch(product, "shelf")), 3);
	ck_assert_int_eq(allocate("next", 7), ACCEPTED);
	ck_assert_str_eq(batch_of("next", 7), "shelf");
}
END_TEST

START_TEST(an_image_restores_which_stock_is_loaded)
{
	product = stored_product(arena, &journal, "chair", 7, 40, 3);
	put_batch("small", IN_WAREHOUSE, 1, 0);
	put_batch("named", TOMORROW, 4, 0);
	stored_put_range(product, 1, "small");
	stored_put_range(product, 5, NULL);
	pack_and_restore();

	ck_assert_int_eq(allocate("fits", 1), ACCEPTED);
	ck_assert_int_eq(allocate("too-large", 5), ACCEPTED); /* out of stock: all of 5 or more is known */
	ck_assert_int_eq(allocate("who-knows", 2), NEEDS_MORE);
}
END_TEST

START_TEST(an_image_has_no_lines)
{
	struct batch *shelf;
	int32_t qty;

	put_batch("shelf", IN_WAREHOUSE, 10, 0);
	allocate("old", 4);
	pack_and_restore();
	allocate("new", 6);

	ck_assert_ptr_null(product_line(product, "old", 4));
	shelf = product_batch(product, "shelf");
	ck_assert_int_eq(product_change_quantity(product, shelf, 4, NO_INSTANT), ACCEPTED);
	journal_forget(&journal);
	ck_assert_int_eq(product_change_quantity(product, shelf, 0, NO_INSTANT), NEEDS_MORE);
	ck_assert_ptr_eq(stored_lines_needed(product, &qty), shelf);
	ck_assert_int_eq(qty, 4);
}
END_TEST

START_TEST(a_product_with_a_shrink_in_progress_has_no_image)
{
	put_batch("shelf", IN_WAREHOUSE, 10, 0);
	stored_put_shrink(product, product_batch(product, "shelf"));

	ck_assert_ptr_null(packed());
}
END_TEST

/* Creates `full` batches without free stock and `open` ones with it. */
static const struct crowd {
	int full, open, kept;
} crowds[] = {{31, 1, 32}, {32, 1, 1}, {1000, 64, 64}, {0, 64, 64}, {0, 65, 0}, {1000, 0, 0}};

START_TEST(an_image_of_many_batches_has_those_with_free_stock)
{
	const struct crowd *crowd = &crowds[_i];
	struct product_image *image;
	int kept = 0;

	for (int i = 0; i < crowd->full + crowd->open; i++)
		put_batch(arena_printf(arena, "batch-%04d", i), IN_WAREHOUSE, 5, i < crowd->full ? 5 : 0);
	image = packed();
	ck_assert(crowd->open <= 64 ? image != NULL : image == NULL);
	if (!image)
		return;
	product = product_image_restore(image, arena, &journal, MOVE_MAX_DEFAULT);
	free(image);
	for (const struct batch *it = product_first_batch(product); it; it = batch_next(it))
		kept++;

	ck_assert_int_eq(kept, crowd->kept);
	ck_assert_int_eq(allocate("order", 5), ACCEPTED);
	ck_assert_int_eq(batch_of("order", 5)[0] != '\0', crowd->open > 0);
}
END_TEST

SUITE("product image", setup, teardown)
{
	tcase_add_test(tests, an_image_restores_product_and_batches);
	tcase_add_test(tests, a_changed_product_has_the_revision_that_its_flush_gives_it);
	tcase_add_test(tests, an_image_restores_which_stock_is_loaded);
	tcase_add_test(tests, an_image_has_no_lines);
	tcase_add_test(tests, a_product_with_a_shrink_in_progress_has_no_image);
	tcase_add_loop_test(tests, an_image_of_many_batches_has_those_with_free_stock, 0, COUNT(crowds));
}
