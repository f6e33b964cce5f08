/* Reads that share a round, and those that do not. */
#include "adapters/system/instants.h"
#include "integration/store/store_steps.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

/* The answers in their order: the read's name, and the batch or the SKU that was found, or how it ended. */
static struct {
	char text[256];
	size_t count, expected;
	int64_t first_ms, last_ms;
	bool all;
} answers;

static void begin(size_t expected)
{
	memset(&answers, 0, sizeof answers);
	answers.expected = expected;
}

static void note(const char *name, const char *found, const struct failure *failure)
{
	const char *end = found ? found : "none";
	size_t used = strlen(answers.text);

	if (failure)
		end = "failed";
	snprintf(answers.text + used, sizeof answers.text - used, "%s:%s ", name, end);
	answers.last_ms = monotonic_ms();
	if (!answers.count)
		answers.first_ms = answers.last_ms;
	answers.all = ++answers.count == answers.expected;
}

static void on_allocations(void *context, const struct allocation_row *rows, size_t count,
			   const struct failure *failure)
{
	note(context, count ? rows[0].batchref : NULL, failure);
}

static void on_stock(void *context, const struct stock_page *page, const struct failure *failure)
{
	note(context, page->sku, failure);
}

static void read_order(struct views *views, const char *name, const char *orderid)
{
	views->ops->allocations(views, orderid, on_allocations, (void *)(uintptr_t)name);
}

static void read_batch(struct views *views, const char *name, const char *batchref)
{
	views->ops->batch(views, batchref, on_stock, (void *)(uintptr_t)name);
}

static void read_product(struct views *views, const char *name, const char *sku)
{
	views->ops->product(views, sku, "", on_stock, (void *)(uintptr_t)name);
}

static void await_answers(void)
{
	fixture->run_until(fixture, &answers.all);
}

/* Views that have a session, so that what is read waits for what was read before. */
static struct views *connected_views(void)
{
	struct views *views = fixture->make_views(fixture);

	begin(1);
	read_order(views, "", "none");
	await_answers();
	return views;
}

static void set_up(void)
{
	store_set_up();
	create_batch("lamps", "lamp", 10, IN_WAREHOUSE);
	create_batch("chairs", "chair", 10, IN_WAREHOUSE);
	allocate("lamp-order", "lamp", 1);
	allocate("chair-order", "chair", 1);
}

/* All but the first share a round, and the orders a query. */
START_TEST(each_read_of_a_round_gets_its_own_answer)
{
	struct views *views = connected_views();

	begin(7);
	read_order(views, "a", "lamp-order");
	read_order(views, "b", "chair-order");
	read_order(views, "c", "none");
	read_batch(views, "d", "lamps");
	read_order(views, "e", "lamp-order");
	read_order(views, "f", "chair-order");
	read_batch(views, "g", "none");
	await_answers();

	ck_assert_str_eq(answers.text, "a:lamps b:chairs c:none d:lamp e:lamps f:chairs g:none ");
}
END_TEST

/* All but the first share a round, which fails, and are sent again. */
START_TEST(a_read_that_the_database_refuses_fails_alone)
{
	struct views *views = connected_views();

	begin(6);
	read_order(views, "a", "lamp-order");
	read_batch(views, "b", "chairs");
	read_order(views, "c", "chair-order");
	read_order(views, "d", "\xff");
	read_order(views, "e", "lamp-order");
	read_batch(views, "f", "lamps");
	await_answers();

	ck_assert_str_eq(answers.text, "a:lamps b:chair c:chairs d:failed e:lamps f:lamp ");
}
END_TEST

/* Many pages in one round would be in memory together, and be answered in one turn of the event loop. */
START_TEST(a_page_shares_no_round)
{
	struct views *views = connected_views();

	begin(4);
	read_order(views, "a", "lamp-order");
	read_order(views, "b", "chair-order");
	read_product(views, "page", "lamp");
	read_order(views, "c", "lamp-order");
	await_answers();

	ck_assert_str_eq(answers.text, "a:lamps page:lamp b:chairs c:lamps ");
}
END_TEST

/* They waited for a session from the same moment on, and for nothing else. */
START_TEST(without_a_session_no_read_waits_for_another)
{
	struct postgres_config config = world_config();
	struct views *views;

	config.url = world_url("host=127.0.0.1 port=1 dbname=none");
	views = postgres_views_new(&config);
	begin(3);
	for (int i = 0; i < 3; i++)
		read_order(views, "a", "lamp-order");
	await_answers();

	ck_assert_str_eq(answers.text, "a:failed a:failed a:failed ");
	ck_assert_int_lt(answers.last_ms - answers.first_ms, 1000);
	postgres_views_free(&views);
}
END_TEST

SUITE("reads", set_up, store_tear_down)
{
	tcase_add_test(tests, each_read_of_a_round_gets_its_own_answer);
	tcase_add_test(tests, a_read_that_the_database_refuses_fails_alone);
	tcase_add_test(tests, a_page_shares_no_round);
	tcase_add_test(tests, without_a_session_no_read_waits_for_another);
}
