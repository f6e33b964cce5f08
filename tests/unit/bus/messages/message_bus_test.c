/* Dispatching events: a message whose event handlers never stop raising events comes to an end, and fails. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "bus/messages/message_bus.h"

#include <string.h>

static struct unit_of_work uow;
static struct memory_codec codec;
static struct product *product;
static int calls, last_call;

static void set_up(void)
{
	memory_codec_init(&codec);
	unit_of_work_init(&uow, &codec.codec, MOVE_MAX_DEFAULT);
	unit_of_work_want_product(&uow, "LAMP");
	product = unit_of_work_new_product(&uow, "LAMP");
	calls = 0;
}

static void tear_down(void)
{
	unit_of_work_release(&uow);
}

static const struct order_line line = {"order", "LAMP", 1};

/* There is no stock, so each try to allocate raises another out_of_stock. */
static enum verdict try_again(struct unit_of_work *unit, struct message *event)
{
	(void)unit, (void)event;
	return ++calls == last_call ? ACCEPTED : product_allocate(product, &line);
}

static event_handler *const on_out_of_stock[EVENT_HANDLERS_MAX] = {try_again};
static const event_handler_table handlers = {[MSG_OUT_OF_STOCK] = on_out_of_stock};

/* Handles one event, and those that its handlers raise until the handler was called `last` times. */
static enum verdict dispatch_until(int last)
{
	last_call = last;
	product_allocate(product, &line);
	return message_bus_dispatch_events_to(&uow, product, &handlers);
}

START_TEST(handlers_that_never_stop_raising_events_are_stopped_and_the_unit_says_why)
{
	ck_assert_int_eq(dispatch_until(0), ACCEPTED);

	ck_assert_int_eq(calls, MESSAGE_EVENTS_MAX);
	ck_assert_ptr_nonnull(strstr(uow.defect, "too many events"));
}
END_TEST

START_TEST(a_message_may_raise_as_many_events_as_the_limit_allows)
{
	ck_assert_int_eq(dispatch_until(MESSAGE_EVENTS_MAX), ACCEPTED);

	ck_assert_int_eq(calls, MESSAGE_EVENTS_MAX);
	ck_assert_ptr_null(uow.defect);
}
END_TEST

SUITE("message bus", set_up, tear_down, .timeout_s = 10)
{
	tcase_add_test(tests, handlers_that_never_stop_raising_events_are_stopped_and_the_unit_says_why);
	tcase_add_test(tests, a_message_may_raise_as_many_events_as_the_limit_allows);
}
