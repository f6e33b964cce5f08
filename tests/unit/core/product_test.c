/* The rules of allocation, one a test. */
#include "core/product_repository.h"

#include "support/suites.h"

#include <stdarg.h>

#define TODAY    15000
#define TOMORROW (TODAY + 1)
#define LATER    (TODAY + 30)

static struct arena *arena;
static struct journal journal;
static struct product *product;

static void setup(void)
{
	arena = arena_new((size_t)64 * 1024);
	journal = (struct journal){0};
	product = product_new(arena, &journal, "chair", MOVE_MAX_DEFAULT);
	product_put_range(product, 1, PREFERENCE_END);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* ---- words for the tests ---- */

static enum verdict add_batch(const char *reference, int32_t qty, int32_t eta)
{
	return product_add_batch(product, reference, qty, eta);
}

static enum verdict allocate(const char *orderid, int32_t qty)
{
	return product_allocate(product, &(struct order_line){orderid, "chair", qty});
}

/* As the message bus does it: for every line_deallocated, a displaced line is allocated again. */
static enum verdict change_quantity_at(const char *reference, int32_t qty, int64_t occurred_at)
{
	enum verdict verdict =
		product_change_quantity(product, product_batch(product, reference), qty, occurred_at);

	for (struct event *event = product->events; event && verdict == ACCEPTED; event = event->next) {
		if (event->message.type == MSG_LINE_DEALLOCATED)
			verdict = product_reallocate_next(product);
	}
	return verdict;
}

static enum verdict change_quantity(const char *reference, int32_t qty)
{
	return change_quantity_at(reference, qty, NO_INSTANT);
}

static const char *describe(const struct message *event)
{
	const struct line_allocated *got = &event->as.line_allocated;
	const struct line_deallocated *lost = &event->as.line_deallocated;
	const struct out_of_stock *without = &event->as.out_of_stock;

	if (event->type == MSG_LINE_ALLOCATED)
		return arena_printf(arena, "%d %s:%d to %s of %s, ", (int)got->version, got->orderid,
				    got->qty, got->batchref, got->sku);
	if (event->type == MSG_LINE_DEALLOCATED)
		return arena_printf(arena, "%d %s:%d from %s of %s, ", (int)lost->version, lost->orderid,
				    lost->qty, lost->batchref, lost->sku);
	return arena_printf(arena, "%d %s:%d without %s, ", (int)without->version, without->orderid,
			    without->qty, without->sku);
}

/* What happened since the last time, as "1 order:10 to shelf of chair, ". */
static const char *story(void)
{
	const char *text = "";

	for (struct event *event = product_collect_events(product); event; event = event->next)
		text = arena_printf(arena, "%s%s", text, describe(&event->message));
	return text;
}

static struct batch *batch_of(const char *orderid, int32_t qty)
{
	struct allocation *allocation = product_line(product, orderid, qty);

	return allocation ? allocation->batch : NULL;
}

static const char *holder_of(const char *orderid, int32_t qty)
{
	struct batch *batch = batch_of(orderid, qty);

	return batch ? batch->reference : "nobody";
}

/* ---- which batch is preferred ---- */

START_TEST(prefers_the_warehouse_to_a_shipment)
{
	add_batch("shipment", 100, TODAY);
	add_batch("warehouse", 100, IN_WAREHOUSE);

	allocate("order", 10);

	ck_assert_str_eq(holder_of("order", 10), "warehouse");
}
END_TEST

START_TEST(prefers_the_earlier_shipment)
{
	add_batch("a-late", 100, LATER);
	add_batch("b-soon", 100, TOMORROW);
	add_batch("c-soonest", 100, TODAY);

	allocate("order", 10);

	ck_assert_str_eq(holder_of("order", 10), "c-soonest");
}
END_TEST

START_TEST(an_eta_long_past_is_still_a_shipment)
{
	add_batch("overdue", 100, -700000);
	add_batch("warehouse", 100, IN_WAREHOUSE);
	add_batch("shipment", 100, TODAY);

	allocate("first", 100);
	allocate("second", 100);

	ck_assert_str_eq(holder_of("first", 100), "warehouse");
	ck_assert_str_eq(holder_of("second", 100), "overdue");
}
END_TEST

static const struct {
	const char *first, *second;
} in_order[] = {
	{"a", "b"},  {"B", "a"},        {"a", "aa"},
	{"10", "9"}, {"z", "\xc3\xa4"}, {"\xef\xbf\xbd", "\xf0\x9f\x8d\x80"},
};

START_TEST(equal_dates_are_decided_by_the_bytes_of_the_reference)
{
	add_batch(in_order[_i].second, 100, TODAY);
	add_batch(in_order[_i].first, 100, TODAY);

	allocate("order", 10);

	ck_assert_str_eq(holder_of("order", 10), in_order[_i].first);
}
END_TEST

START_TEST(a_place_without_reference_is_after_all_batches_of_its_day)
{
	struct preference after_today = {TODAY, NULL};

	ck_assert_int_gt(preference_compare(after_today, (struct preference){TODAY, "\xf4\x8f"}), 0);
	ck_assert_int_lt(preference_compare((struct preference){TODAY, "a"}, after_today), 0);
	ck_assert_int_lt(preference_compare(after_today, (struct preference){TOMORROW, "a"}), 0);
	ck_assert_int_eq(preference_compare(after_today, after_today), 0);
	ck_assert_int_lt(preference_compare(PREFERENCE_START, (struct preference){IN_WAREHOUSE, "\1"}), 0);
	ck_assert_int_gt(preference_compare(PREFERENCE_END, (struct preference){2932896, "z"}), 0);
}
END_TEST

/* ---- allocating ---- */

START_TEST(the_event_says_which_batch_took_the_line)
{
	add_batch("shelf", 100, IN_WAREHOUSE);

	ck_assert_int_eq(allocate("order", 10), ACCEPTED);

	ck_assert_str_eq(story(), "1 order:10 to shelf of chair, ");
}
END_TEST

START_TEST(allocating_takes_from_what_is_free)
{
	add_batch("shelf", 100, IN_WAREHOUSE);

	allocate("order", 10);

	ck_assert_int_eq(batch_free(product_batch(product, "shelf")), 90);
	ck_assert_int_eq(product_batch(product, "shelf")->purchased, 100);
}
END_TEST

static const struct {
	int32_t stock, wanted;
	bool fits;
} fits[] = {
	{1, 1, true},
	{10, 9, true},
	{10, 10, true},
	{10, 11, false},
	{INT32_MAX, INT32_MAX, true},
	{INT32_MAX - 1, INT32_MAX, false},
};

START_TEST(a_line_fits_when_as_much_is_free)
{
	add_batch("shelf", fits[_i].stock, IN_WAREHOUSE);

	allocate("order", fits[_i].wanted);

	ck_assert_str_eq(holder_of("order", fits[_i].wanted), fits[_i].fits ? "shelf" : "nobody");
}
END_TEST

START_TEST(a_line_goes_whole_into_one_batch)
{
	add_batch("a", 6, IN_WAREHOUSE);
	add_batch("b", 6, IN_WAREHOUSE);
	add_batch("c", 20, LATER);

	allocate("order", 10);

	ck_assert_str_eq(story(), "1 order:10 to c of chair, ");
}
END_TEST

START_TEST(a_smaller_line_still_takes_what_a_larger_one_left)
{
	add_batch("a", 6, IN_WAREHOUSE);
	add_batch("b", 20, LATER);

	allocate("large", 10);
	allocate("small", 6);

	ck_assert_str_eq(holder_of("small", 6), "a");
}
END_TEST

START_TEST(a_line_that_is_allocated_is_skipped)
{
	add_batch("shelf", 100, IN_WAREHOUSE);
	allocate("order", 10);
	story();

	ck_assert_int_eq(allocate("order", 10), SKIP_DUPLICATE);

	ck_assert_str_eq(story(), "");
	ck_assert_int_eq(batch_free(product_batch(product, "shelf")), 90);
}
END_TEST

START_TEST(another_quantity_is_another_line)
{
	add_batch("shelf", 100, IN_WAREHOUSE);
	allocate("order", 10);

	ck_assert_int_eq(allocate("order", 11), ACCEPTED);

	ck_assert_int_eq(batch_free(product_batch(product, "shelf")), 79);
}
END_TEST

START_TEST(out_of_stock_is_told_and_is_no_failure)
{
	add_batch("shelf", 9, IN_WAREHOUSE);

	ck_assert_int_eq(allocate("order", 10), ACCEPTED);

	ck_assert_str_eq(story(), "1 order:10 without chair, ");
	ck_assert_int_eq(batch_free(product_batch(product, "shelf")), 9);
}
END_TEST

START_TEST(a_line_out_of_stock_is_not_remembered)
{
	allocate("order", 10);
	allocate("order", 10);
	add_batch("shelf", 10, IN_WAREHOUSE);

	ck_assert_str_eq(story(), "1 order:10 without chair, 2 order:10 without chair, ");
	ck_assert_int_eq(allocate("order", 10), ACCEPTED);
	ck_assert_str_eq(story(), "3 order:10 to shelf of chair, ");
}
END_TEST

/* ---- new stock ---- */

START_TEST(a_new_batch_is_all_free)
{
	struct batch *batch;

	ck_assert_int_eq(add_batch("shelf", 7, TODAY), ACCEPTED);

	batch = product_batch(product, "shelf");
	ck_assert_int_eq(batch->purchased, 7);
	ck_assert_int_eq(batch->original_qty, 7);
	ck_assert_int_eq(batch->eta, TODAY);
	ck_assert_int_eq(batch->changed_at, NO_INSTANT);
	ck_assert_int_eq(batch_free(batch), 7);
	ck_assert_str_eq(story(), "");
}
END_TEST

START_TEST(a_repeated_batch_is_a_duplicate_whatever_changed_since)
{
	add_batch("shelf", 100, TODAY);
	allocate("order", 10);
	change_quantity("shelf", 50);
	story();

	ck_assert_int_eq(add_batch("shelf", 100, TODAY), SKIP_DUPLICATE);

	ck_assert_int_eq(product_batch(product, "shelf")->purchased, 50);
	ck_assert_str_eq(story(), "");
}
END_TEST

static const struct {
	int32_t qty, eta;
} other_data[] = {{99, TODAY}, {101, TODAY}, {50, TODAY}, {100, TOMORROW}, {100, IN_WAREHOUSE}};

START_TEST(a_reference_with_other_data_is_taken)
{
	add_batch("shelf", 100, TODAY);
	change_quantity("shelf", 50);

	ck_assert_int_eq(add_batch("shelf", other_data[_i].qty, other_data[_i].eta), REJECT_BATCHREF_TAKEN);

	ck_assert_int_eq(product_batch(product, "shelf")->purchased, 50);
	ck_assert_ptr_null(product->batches->next);
}
END_TEST

/* ---- a changed quantity ---- */

START_TEST(a_batch_that_grows_has_more_free_and_allocates_nothing)
{
	add_batch("shelf", 5, IN_WAREHOUSE);
	allocate("order", 10);
	story();

	ck_assert_int_eq(change_quantity("shelf", 20), ACCEPTED);

	ck_assert_int_eq(batch_free(product_batch(product, "shelf")), 20);
	ck_assert_str_eq(story(), "");
}
END_TEST

static const struct {
	int32_t qty;
	const char *story;
} shrinks[] = {
	{31, ""},
	{30, ""},
	{29, "4 c:10 from shelf of chair, 5 c:10 without chair, "},
	{20, "4 c:10 from shelf of chair, 5 c:10 without chair, "},
	{19,
	 "4 c:10 from shelf of chair, 5 b:10 from shelf of chair, 6 b:10 without chair, 7 c:10 without chair, "},
	{0, "4 c:10 from shelf of chair, 5 b:10 from shelf of chair, 6 a:10 from shelf of chair, "
	    "7 a:10 without chair, 8 b:10 without chair, 9 c:10 without chair, "},
};

START_TEST(a_batch_that_shrinks_gives_up_the_newest_lines_until_it_fits)
{
	add_batch("shelf", 100, IN_WAREHOUSE);
	allocate("a", 10);
	allocate("b", 10);
	allocate("c", 10);
	story();

	ck_assert_int_eq(change_quantity("shelf", shrinks[_i].qty), ACCEPTED);

	ck_assert_str_eq(story(), shrinks[_i].story);
	ck_assert_int_eq(product_batch(product, "shelf")->purchased, shrinks[_i].qty);
}
END_TEST

START_TEST(lines_given_up_are_allocated_again_oldest_first)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("a", 10);
	allocate("b", 10);
	allocate("c", 10);
	add_batch("shipment", 15, TODAY);
	story();

	change_quantity("shelf", 0);

	ck_assert_str_eq(
		story(),
		"4 c:10 from shelf of chair, 5 b:10 from shelf of chair, 6 a:10 from shelf of chair, "
		"7 a:10 to shipment of chair, 8 b:10 without chair, 9 c:10 without chair, ");
}
END_TEST

START_TEST(a_line_may_come_back_to_the_batch_that_gave_it_up)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("small", 5);
	allocate("large", 20);
	story();

	change_quantity("shelf", 15);
	ck_assert_str_eq(story(), "3 large:20 from shelf of chair, 4 large:20 without chair, ");
	allocate("newest", 10);
	change_quantity("shelf", 14);
	story();
	change_quantity("shelf", 4);

	ck_assert_str_eq(story(), "8 small:5 from shelf of chair, 9 small:5 without chair, ");
}
END_TEST

START_TEST(a_smaller_line_given_up_fits_into_the_same_batch_again)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("large", 20);
	allocate("small", 5);
	story();

	change_quantity("shelf", 19);

	ck_assert_str_eq(story(), "3 small:5 from shelf of chair, 4 large:20 from shelf of chair, "
				  "5 large:20 without chair, 6 small:5 to shelf of chair, ");
}
END_TEST

START_TEST(a_line_is_as_new_as_its_last_allocation)
{
	add_batch("a", 10, IN_WAREHOUSE);
	allocate("first", 10);
	add_batch("b", 30, IN_WAREHOUSE);
	allocate("second", 10);
	change_quantity("a", 0);
	ck_assert_str_eq(holder_of("first", 10), "b");

	change_quantity("b", 10);

	ck_assert_str_eq(holder_of("first", 10), "nobody");
	ck_assert_str_eq(holder_of("second", 10), "b");
}
END_TEST

START_TEST(a_line_that_found_no_batch_again_is_forgotten)
{
	add_batch("shelf", 10, IN_WAREHOUSE);
	allocate("order", 10);
	change_quantity("shelf", 0);
	change_quantity("shelf", 10);
	story();

	ck_assert_int_eq(allocate("order", 10), ACCEPTED);

	ck_assert_str_eq(story(), "4 order:10 to shelf of chair, ");
}
END_TEST

static const struct {
	int64_t watermark, occurred_at;
	enum verdict verdict;
	int64_t watermark_after;
} ages[] = {
	{NO_INSTANT, NO_INSTANT, ACCEPTED, NO_INSTANT},
	{NO_INSTANT, 5, ACCEPTED, 5},
	{NO_INSTANT, INT64_C(-62135596800000000), ACCEPTED, INT64_C(-62135596800000000)},
	{5, 4, SKIP_OUT_OF_DATE, 5},
	{5, 5, ACCEPTED, 5},
	{5, 6, ACCEPTED, 6},
	{5, NO_INSTANT, ACCEPTED, 5},
};

START_TEST(a_change_older_than_the_last_one_applied_is_out_of_date)
{
	add_batch("shelf", 10, IN_WAREHOUSE);
	change_quantity_at("shelf", 11, ages[_i].watermark);

	ck_assert_int_eq(change_quantity_at("shelf", 12, ages[_i].occurred_at), ages[_i].verdict);

	ck_assert_int_eq(product_batch(product, "shelf")->purchased, ages[_i].verdict == ACCEPTED ? 12 : 11);
	ck_assert_int_eq(product_batch(product, "shelf")->changed_at, ages[_i].watermark_after);
}
END_TEST

START_TEST(each_batch_has_a_watermark_of_its_own)
{
	add_batch("a", 10, IN_WAREHOUSE);
	add_batch("b", 10, IN_WAREHOUSE);
	change_quantity_at("a", 11, 5);

	ck_assert_int_eq(change_quantity_at("b", 11, 4), ACCEPTED);
}
END_TEST

START_TEST(versions_go_on_from_those_of_before)
{
	product->version = 41;
	add_batch("shelf", 10, IN_WAREHOUSE);

	allocate("order", 10);

	ck_assert_str_eq(story(), "42 order:10 to shelf of chair, ");
	ck_assert_int_eq(product->version, 42);
}
END_TEST

START_TEST(with_nothing_displaced_there_is_nothing_to_reallocate)
{
	add_batch("shelf", 10, IN_WAREHOUSE);

	ck_assert_int_eq(product_reallocate_next(product), ACCEPTED);

	ck_assert_str_eq(story(), "");
}
END_TEST

/* ---- a product of which only a part is loaded ---- */

static void begin_partial(void)
{
	product = product_new(arena, &journal, "chair", MOVE_MAX_DEFAULT);
}

static struct batch *put_batch(const char *reference, int32_t eta, int32_t purchased, int32_t allocated)
{
	return product_put_batch(product, &(struct batch){.reference = reference,
							  .eta = eta,
							  .original_qty = purchased,
							  .purchased = purchased,
							  .allocated = allocated,
							  .changed_at = NO_INSTANT});
}

static void put_range(int32_t fitting, int32_t eta, const char *reference)
{
	product_put_range(product, fitting, (struct preference){eta, reference});
}

static void assert_needs_batches(int32_t fitting, int32_t eta, const char *reference)
{
	ck_assert_int_eq(product->need.fitting, fitting);
	ck_assert_int_eq(product->need.after.eta, eta);
	ck_assert_pstr_eq(product->need.after.reference, reference);
	ck_assert_ptr_null(product->need.lines_of);
	ck_assert(!product->need.displaced);
}

START_TEST(without_any_stock_loaded_nothing_is_concluded)
{
	begin_partial();

	ck_assert_int_eq(allocate("order", 1), NEEDS_MORE);

	assert_needs_batches(1, IN_WAREHOUSE, "");
}
END_TEST

START_TEST(out_of_stock_is_concluded_from_a_complete_load_only)
{
	begin_partial();
	put_batch("a", TODAY, 10, 5);
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 6), NEEDS_MORE);
	assert_needs_batches(6, TODAY, "a");
	product_put_range(product, 6, PREFERENCE_END);
	ck_assert_int_eq(allocate("order", 6), ACCEPTED);

	ck_assert_str_eq(story(), "1 order:6 without chair, ");
}
END_TEST

START_TEST(a_batch_beyond_what_is_loaded_is_not_taken_before_those_between_are)
{
	begin_partial();
	put_batch("named", LATER, 10, 0);
	put_batch("a", TODAY, 10, 5);
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 6), NEEDS_MORE);
	put_batch("between", TOMORROW, 8, 0);
	put_range(6, TOMORROW, "between");
	ck_assert_int_eq(allocate("order", 6), ACCEPTED);

	ck_assert_str_eq(holder_of("order", 6), "between");
}
END_TEST

START_TEST(a_batch_within_what_is_loaded_is_taken_at_once)
{
	begin_partial();
	put_batch("a", TODAY, 10, 5);
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 5), ACCEPTED);

	ck_assert_str_eq(holder_of("order", 5), "a");
}
END_TEST

START_TEST(stock_is_asked_for_as_it_is_wanted)
{
	begin_partial();
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 7), NEEDS_MORE);

	assert_needs_batches(7, TODAY, "a");
}
END_TEST

static const struct {
	int32_t wanted, fitting;
} fittings[] = {{1, 1}, {2, 2}, {3, 2}, {4, 4}, {7, 4}, {8, 8}, {1 << 30, 1 << 30}, {INT32_MAX, 1 << 30}};

static void put_many_ranges(void)
{
	for (int32_t fitting = 100; fitting < 108; fitting++)
		put_range(fitting, IN_WAREHOUSE, "a");
}

/* Or a shrink that moves lines of a thousand quantities might have to load a thousand times. */
START_TEST(after_many_quantities_stock_is_asked_for_by_powers_of_two)
{
	begin_partial();
	put_many_ranges();

	ck_assert_int_eq(allocate("order", fittings[_i].wanted), NEEDS_MORE);

	ck_assert_int_eq(product->need.fitting, fittings[_i].fitting);
}
END_TEST

START_TEST(a_quantity_once_asked_for_exactly_is_asked_for_exactly_again)
{
	begin_partial();
	put_many_ranges();

	ck_assert_int_eq(allocate("order", 107), NEEDS_MORE);

	assert_needs_batches(107, IN_WAREHOUSE, "a");
}
END_TEST

START_TEST(a_range_of_smaller_stock_tells_of_larger_stock_too)
{
	begin_partial();
	put_range(4, TODAY, "m");

	ck_assert_int_eq(allocate("order", 100), NEEDS_MORE);
	assert_needs_batches(100, TODAY, "m");
	ck_assert_int_eq(allocate("order", 3), NEEDS_MORE);
	assert_needs_batches(3, IN_WAREHOUSE, "");
}
END_TEST

START_TEST(a_range_that_is_loaded_again_does_not_go_back)
{
	begin_partial();
	put_range(4, TOMORROW, "m");
	put_range(4, TODAY, "z");

	ck_assert_int_eq(allocate("order", 4), NEEDS_MORE);

	assert_needs_batches(4, TOMORROW, "m");
}
END_TEST

/* Or two lines of one shrink might ask for their ranges in turn, for ever. */
START_TEST(a_range_is_not_forgotten_for_another)
{
	begin_partial();
	put_batch("far", LATER, 9, 0);
	put_range(9, LATER, "far");
	put_batch("near", TODAY, 2, 0);
	put_range(2, TODAY, "near");

	ck_assert_int_eq(allocate("large", 9), ACCEPTED);
	ck_assert_int_eq(allocate("small", 2), ACCEPTED);

	ck_assert_str_eq(story(), "1 large:9 to far of chair, 2 small:2 to near of chair, ");
}
END_TEST

START_TEST(what_is_in_memory_is_newer_than_what_is_loaded_again)
{
	begin_partial();
	put_batch("a", TODAY, 10, 0);
	put_range(1, TODAY, "a");
	allocate("order", 6);
	put_batch("a", TODAY, 10, 0);
	product_put_line(product, NULL, "order", 6, 1);

	ck_assert_int_eq(batch_free(product_batch(product, "a")), 4);
	ck_assert_str_eq(holder_of("order", 6), "a");
	ck_assert_ptr_null(product->oldest_displaced);
}
END_TEST

START_TEST(a_line_that_was_loaded_is_not_allocated_twice)
{
	begin_partial();
	product_put_line(product, put_batch("a", TODAY, 10, 6), "order", 6, 1);

	ck_assert_int_eq(allocate("order", 6), SKIP_DUPLICATE);
}
END_TEST

/* ---- the lines of a batch that shrinks ---- */

START_TEST(a_shrinking_batch_asks_for_its_newest_lines_up_to_the_shortfall)
{
	struct batch *batch;

	begin_partial();
	batch = put_batch("a", TODAY, 100, 90);

	ck_assert_int_eq(change_quantity("a", 60), NEEDS_MORE);

	ck_assert_ptr_eq(product->need.lines_of, batch);
	ck_assert_int_eq(product->need.lines_qty, 30);
	ck_assert_int_eq(product->need.fitting, 0);
}
END_TEST

START_TEST(a_batch_that_still_fits_asks_for_no_lines)
{
	begin_partial();
	put_batch("a", TODAY, 100, 90);

	ck_assert_int_eq(change_quantity("a", 90), ACCEPTED);
}
END_TEST

START_TEST(an_old_line_is_not_given_up_before_newer_ones_that_are_not_loaded)
{
	struct batch *batch;

	begin_partial();
	product->version = 30;
	batch = put_batch("a", TODAY, 30, 30);
	product_put_line(product, batch, "old", 10, 10);
	product_put_line(product, batch, "newest", 10, 30);
	batch->lines_from = 25;
	journal_forget(&journal);

	ck_assert_int_eq(change_quantity("a", 10), NEEDS_MORE);
	ck_assert_ptr_eq(product->need.lines_of, batch);
	ck_assert_int_eq(product->need.lines_qty, 10);
	journal_undo(&journal);
	ck_assert_int_eq(product->version, 30);
	product_put_line(product, batch, "newer", 10, 20);
	batch->lines_from = 20;
	product_put_range(product, 1, PREFERENCE_END);
	ck_assert_int_eq(change_quantity("a", 10), ACCEPTED);

	ck_assert_str_eq(story(), "31 newest:10 from a of chair, 32 newer:10 from a of chair, "
				  "33 newer:10 without chair, 34 newest:10 without chair, ");
}
END_TEST

START_TEST(lines_may_be_loaded_in_any_order)
{
	static const int64_t versions[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {2, 4, 1, 3}, {3, 1, 4, 2}};
	struct batch *batch;

	begin_partial();
	batch = put_batch("a", TODAY, 40, 40);
	for (int i = 0; i < 4; i++)
		product_put_line(product, batch, arena_printf(arena, "v%d", (int)versions[_i][i]), 10,
				 versions[_i][i]);
	batch->lines_from = 0;
	product->version = 4;

	product_change_quantity(product, batch, 0, NO_INSTANT);

	ck_assert_str_eq(story(),
			 "5 v4:10 from a of chair, 6 v3:10 from a of chair, 7 v2:10 from a of chair, "
			 "8 v1:10 from a of chair, ");
}
END_TEST

/* ---- rejected, undone ---- */

START_TEST(an_undone_message_leaves_nothing_behind)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("a", 10);
	allocate("b", 10);
	story();
	journal_forget(&journal);

	add_batch("new", 7, TODAY);
	allocate("c", 10);
	change_quantity_at("shelf", 5, 1);
	journal_undo(&journal);

	ck_assert_str_eq(story(), "");
	ck_assert_ptr_null(product_batch(product, "new"));
	ck_assert_int_eq(product_batch(product, "shelf")->purchased, 30);
	ck_assert_int_eq(product_batch(product, "shelf")->changed_at, NO_INSTANT);
	ck_assert_int_eq(batch_free(product_batch(product, "shelf")), 10);
	ck_assert_str_eq(holder_of("a", 10), "shelf");
	ck_assert_ptr_null(product_line(product, "c", 10));
	ck_assert_int_eq(product->version, 2);
}
END_TEST

START_TEST(events_that_were_collected_are_undone_too)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	journal_forget(&journal);

	allocate("a", 10);
	ck_assert_str_eq(story(), "1 a:10 to shelf of chair, ");
	allocate("b", 10);
	journal_undo(&journal);
	allocate("c", 10);

	ck_assert_str_eq(story(), "1 c:10 to shelf of chair, ");
}
END_TEST

/* ---- shrinks that go in steps ---- */

static const char *order_number(int number)
{
	return arena_printf(arena, "order-%d", number);
}

/* A batch that holds so many lines of one. */
static void fill(const char *reference, int lines)
{
	add_batch(reference, lines, IN_WAREHOUSE);
	for (int i = 1; i <= lines; i++)
		allocate(order_number(i), 1);
	product_collect_events(product);
	journal_forget(&journal);
}

static int count_events(enum message_type type)
{
	int count = 0;

	for (struct event *event = product_collect_events(product); event; event = event->next) {
		if (event->message.type != type)
			ck_abort_msg("%s among them", message_name(event->message.type));
		count++;
	}
	return count;
}

START_TEST(as_many_lines_as_may_move_at_once_move_at_once)
{
	fill("shelf", MOVE_MAX_DEFAULT + 1);

	ck_assert_int_eq(product_change_quantity(product, product->batches, 1, NO_INSTANT), ACCEPTED);

	ck_assert_ptr_null(product->shrink);
	ck_assert_int_eq(count_events(MSG_LINE_DEALLOCATED), MOVE_MAX_DEFAULT);
	ck_assert_int_eq(product->batches->purchased, 1);
}
END_TEST

START_TEST(one_line_more_goes_in_steps)
{
	struct batch *shelf;

	fill("shelf", MOVE_MAX_DEFAULT + 1);
	add_batch("shipment", MOVE_MAX_DEFAULT, TODAY);
	shelf = product_batch(product, "shelf");

	ck_assert_int_eq(change_quantity_at("shelf", 0, 7), ACCEPTED);
	ck_assert_ptr_nonnull(product->shrink);
	ck_assert_int_eq(count_events(MSG_LINE_DEALLOCATED), MOVE_MAX_DEFAULT);
	ck_assert_int_eq(shelf->purchased, 1); /* the line it still holds, and nothing free */
	ck_assert_int_eq(shelf->changed_at, 7);
	ck_assert_int_eq(product_reallocate_next(product), ACCEPTED);
	ck_assert_ptr_null(product->events);

	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);
	ck_assert_int_eq(count_events(MSG_LINE_DEALLOCATED), 1);
	ck_assert_int_eq(shelf->purchased, 0);
	ck_assert_ptr_nonnull(product->shrink);

	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);
	ck_assert_int_eq(count_events(MSG_LINE_ALLOCATED), MOVE_MAX_DEFAULT);
	ck_assert_str_eq(holder_of(order_number(1), 1), "shipment");
	ck_assert_ptr_nonnull(product->shrink);

	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);
	ck_assert_int_eq(count_events(MSG_OUT_OF_STOCK), 1);
	ck_assert_str_eq(holder_of(order_number(MOVE_MAX_DEFAULT + 1), 1), "nobody");
	ck_assert_ptr_null(product->shrink);
}
END_TEST

START_TEST(a_shrink_goes_on_with_the_oldest_displaced_lines_that_are_kept)
{
	begin_partial();
	product_put_range(product, 1, PREFERENCE_END);
	product->version = 9;
	product_put_shrink(product, &(struct shrink){.batch = put_batch("a", TODAY, 10, 0), .target = 10});

	ck_assert_int_eq(product_continue_shrink(product), NEEDS_MORE);
	ck_assert(product->need.displaced);
	product_put_line(product, NULL, "newer", 5, 8);
	product_put_line(product, NULL, "older", 6, 7);
	product->shrink->all_displaced = true;
	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);

	ck_assert_str_eq(story(), "10 older:6 to a of chair, 11 newer:5 without chair, ");
	ck_assert_ptr_null(product->shrink);
}
END_TEST

START_TEST(a_shrink_that_is_done_does_not_come_back_with_a_later_load)
{
	struct shrink kept = {.target = 10, .all_displaced = true};

	begin_partial();
	kept.batch = put_batch("a", TODAY, 10, 0);
	product_put_shrink(product, &kept);
	product_continue_shrink(product);
	product_put_shrink(product, &kept);

	ck_assert_ptr_null(product->shrink);
	ck_assert(product->shrink_stored);
	ck_assert(product->shrink_changed);
}
END_TEST

/* ------------------------------------------------------------------------------------------ */

SUITE("product", setup, teardown)
{
	tcase_add_test(tests, prefers_the_warehouse_to_a_shipment);
	tcase_add_test(tests, prefers_the_earlier_shipment);
	tcase_add_test(tests, an_eta_long_past_is_still_a_shipment);
	tcase_add_loop_test(tests, equal_dates_are_decided_by_the_bytes_of_the_reference, 0, COUNT(in_order));
	tcase_add_test(tests, a_place_without_reference_is_after_all_batches_of_its_day);
}

SUITE("product", setup, teardown)
{
	tcase_add_test(tests, the_event_says_which_batch_took_the_line);
	tcase_add_test(tests, allocating_takes_from_what_is_free);
	tcase_add_loop_test(tests, a_line_fits_when_as_much_is_free, 0, COUNT(fits));
	tcase_add_test(tests, a_line_goes_whole_into_one_batch);
	tcase_add_test(tests, a_smaller_line_still_takes_what_a_larger_one_left);
	tcase_add_test(tests, a_line_that_is_allocated_is_skipped);
	tcase_add_test(tests, another_quantity_is_another_line);
	tcase_add_test(tests, out_of_stock_is_told_and_is_no_failure);
	tcase_add_test(tests, a_line_out_of_stock_is_not_remembered);
	tcase_add_test(tests, versions_go_on_from_those_of_before);
}

SUITE("product", setup, teardown)
{
	tcase_add_test(tests, a_new_batch_is_all_free);
	tcase_add_test(tests, a_repeated_batch_is_a_duplicate_whatever_changed_since);
	tcase_add_loop_test(tests, a_reference_with_other_data_is_taken, 0, COUNT(other_data));
	tcase_add_test(tests, a_batch_that_grows_has_more_free_and_allocates_nothing);
	tcase_add_loop_test(tests, a_batch_that_shrinks_gives_up_the_newest_lines_until_it_fits, 0,
			    COUNT(shrinks));
	tcase_add_test(tests, lines_given_up_are_allocated_again_oldest_first);
	tcase_add_test(tests, a_line_may_come_back_to_the_batch_that_gave_it_up);
	tcase_add_test(tests, a_smaller_line_given_up_fits_into_the_same_batch_again);
	tcase_add_test(tests, a_line_is_as_new_as_its_last_allocation);
	tcase_add_test(tests, a_line_that_found_no_batch_again_is_forgotten);
	tcase_add_loop_test(tests, a_change_older_than_the_last_one_applied_is_out_of_date, 0, COUNT(ages));
	tcase_add_test(tests, each_batch_has_a_watermark_of_its_own);
	tcase_add_test(tests, with_nothing_displaced_there_is_nothing_to_reallocate);
}

SUITE("product", setup, teardown)
{
	tcase_add_test(tests, without_any_stock_loaded_nothing_is_concluded);
	tcase_add_test(tests, out_of_stock_is_concluded_from_a_complete_load_only);
	tcase_add_test(tests, a_batch_beyond_what_is_loaded_is_not_taken_before_those_between_are);
	tcase_add_test(tests, a_batch_within_what_is_loaded_is_taken_at_once);
	tcase_add_test(tests, stock_is_asked_for_as_it_is_wanted);
	tcase_add_loop_test(tests, after_many_quantities_stock_is_asked_for_by_powers_of_two, 0,
			    COUNT(fittings));
	tcase_add_test(tests, a_quantity_once_asked_for_exactly_is_asked_for_exactly_again);
	tcase_add_test(tests, a_range_that_is_loaded_again_does_not_go_back);
	tcase_add_test(tests, a_range_of_smaller_stock_tells_of_larger_stock_too);
	tcase_add_test(tests, a_range_is_not_forgotten_for_another);
	tcase_add_test(tests, what_is_in_memory_is_newer_than_what_is_loaded_again);
	tcase_add_test(tests, a_line_that_was_loaded_is_not_allocated_twice);
	tcase_add_test(tests, a_shrinking_batch_asks_for_its_newest_lines_up_to_the_shortfall);
	tcase_add_test(tests, a_batch_that_still_fits_asks_for_no_lines);
	tcase_add_test(tests, an_old_line_is_not_given_up_before_newer_ones_that_are_not_loaded);
	tcase_add_loop_test(tests, lines_may_be_loaded_in_any_order, 0, 4);
	tcase_add_test(tests, an_undone_message_leaves_nothing_behind);
	tcase_add_test(tests, events_that_were_collected_are_undone_too);
}

SUITE("product", setup, teardown)
{
	tcase_add_test(tests, as_many_lines_as_may_move_at_once_move_at_once);
	tcase_add_test(tests, one_line_more_goes_in_steps);
	tcase_add_test(tests, a_shrink_goes_on_with_the_oldest_displaced_lines_that_are_kept);
	tcase_add_test(tests, a_shrink_that_is_done_does_not_come_back_with_a_later_load);
}
