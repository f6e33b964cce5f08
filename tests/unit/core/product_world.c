/* A product on its own, with the actions and observations of the tests. */
#include "product_world.h"

#include <check.h>

struct arena *arena;
struct journal journal;
struct product *product;

void set_up_product(void)
{
	arena = arena_new((size_t)64 * 1024);
	journal_init(&journal);
	begin_partial();
	product_put_range(product, 1, PREFERENCE_END);
}

void tear_down_product(void)
{
	journal_release(&journal);
	arena_free(&arena);
}

/* ---- commands ---- */

enum verdict add_batch(const char *reference, int32_t qty, int32_t eta)
{
	return product_add_batch(product, reference, qty, eta);
}

enum verdict allocate(const char *orderid, int32_t qty)
{
	return product_allocate(product, &(struct order_line){orderid, "chair", qty});
}

/* Reallocates as the message bus does: for every line_deallocated, a displaced line is allocated again. */
enum verdict change_quantity_at(const char *reference, int32_t qty, int64_t occurred_at)
{
	enum verdict verdict =
		product_change_quantity(product, product_batch(product, reference), qty, occurred_at);

	for (struct event *event = product->events; event && verdict == ACCEPTED; event = event->next) {
		if (event->message.type == MSG_LINE_DEALLOCATED)
			verdict = product_reallocate_next(product);
	}
	return verdict;
}

enum verdict change_quantity(const char *reference, int32_t qty)
{
	return change_quantity_at(reference, qty, NO_INSTANT);
}

/* ---- what came of them ---- */

static const char *describe(const struct message *event)
{
	const struct line_allocated *got = &event->as.line_allocated;
	const struct line_deallocated *lost = &event->as.line_deallocated;
	const struct line_shipped *shipped = &event->as.line_shipped;
	const struct out_of_stock *without = &event->as.out_of_stock;

	if (event->type == MSG_LINE_ALLOCATED)
		return arena_printf(arena, "%d %s:%d to %s of %s, ", (int)got->version, got->orderid,
				    got->qty, got->batchref, got->sku);
	if (event->type == MSG_LINE_DEALLOCATED)
		return arena_printf(arena, "%d %s:%d from %s of %s, ", (int)lost->version, lost->orderid,
				    lost->qty, lost->batchref, lost->sku);
	if (event->type == MSG_LINE_SHIPPED)
		return arena_printf(arena, "%d %s:%d shipped from %s of %s, ", (int)shipped->version,
				    shipped->orderid, shipped->qty, shipped->batchref, shipped->sku);
	return arena_printf(arena, "%d %s:%d without %s, ", (int)without->version, without->orderid,
			    without->qty, without->sku);
}

const char *story(void)
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

const char *holder_of(const char *orderid, int32_t qty)
{
	struct batch *batch = batch_of(orderid, qty);

	return batch ? batch->reference : "no batch";
}

int32_t purchased_of(const char *reference)
{
	return batch_purchased(product_batch(product, reference));
}

int32_t free_in(const char *reference)
{
	return batch_free(product_batch(product, reference));
}

int64_t changed_at_of(const char *reference)
{
	return product_batch(product, reference)->changed_at;
}

/* ---- a product of which only a part is loaded ---- */

void begin_partial(void)
{
	product = product_new(arena, &journal, "chair", MOVE_MAX);
}

struct batch *put_batch(const char *reference, int32_t eta, int32_t purchased, int32_t allocated)
{
	return product_put_batch(product, &(struct batch){.reference = reference,
							  .eta = eta,
							  .original_qty = purchased,
							  .purchased = purchased,
							  .allocated = allocated,
							  .changed_at = NO_INSTANT});
}

void put_range(int32_t fitting, int32_t eta, const char *reference)
{
	product_put_range(product, fitting, (struct preference){eta, reference});
}

void assert_needs_batches(int32_t fitting, int32_t eta, const char *reference)
{
	ck_assert_int_eq(product->need.fitting, fitting);
	ck_assert_int_eq(product->need.after.eta, eta);
	ck_assert_pstr_eq(product->need.after.reference, reference);
	ck_assert_ptr_null(product->need.lines_of);
	ck_assert(!product->need.displaced);
}

void assert_needs_lines(const char *reference, int32_t qty)
{
	ck_assert_ptr_eq(product->need.lines_of, product_batch(product, reference));
	ck_assert_int_eq(product->need.lines_qty, qty);
	ck_assert_int_eq(product->need.fitting, 0);
	ck_assert(!product->need.displaced);
}
