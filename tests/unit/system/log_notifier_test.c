/* Notices in the log. */
#include "adapters/system/log_notifier.h"

#include "support/suites.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

static struct event_base *base;
static struct notifier *notifier;
static char log_text[256];
static char told[16];

static void write_line(struct logger *logger, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	(void)logger;
	snprintf(log_text, sizeof log_text, "%d %s", (int)level, message);
	for (size_t i = 0; i < count; i++)
		snprintf(log_text + strlen(log_text), sizeof log_text - strlen(log_text), " %s=%s%d",
			 fields[i].name, fields[i].text ? fields[i].text : "", (int)fields[i].number);
}

static struct logger logger = {LOG_DEBUG, write_line};
static const struct notification notification = {.key = 1, .sku = "lamp", .orderid = "order", .qty = 3};

static void setup(void)
{
	base = event_base_new();
	notifier = log_notifier_new(base, &logger);
	told[0] = '\0';
}

static void teardown(void)
{
	log_notifier_free(&notifier);
	event_base_free(base);
}

static void on_done(void *context, const struct failure *failure)
{
	strcat(told, failure ? "failed" : context);
}

static void on_done_again(void *context, const struct failure *failure)
{
	static char b[] = "b";

	on_done(context, failure);
	notifier->ops->notify(notifier, &notification, on_done, b);
}

START_TEST(it_is_in_the_log_and_answered_afterwards)
{
	static char a[] = "a";

	notifier->ops->notify(notifier, &notification, on_done, a);
	ck_assert_str_eq(told, "");
	event_base_dispatch(base);

	ck_assert_str_eq(told, "a");
	ck_assert_str_eq(log_text, "2 out of stock sku=lamp0 orderid=order0 qty=3");
}
END_TEST

START_TEST(answers_come_in_order_and_may_lead_to_more)
{
	static char a[] = "a", c[] = "c";

	notifier->ops->notify(notifier, &notification, on_done_again, a);
	notifier->ops->notify(notifier, &notification, on_done, c);
	event_base_dispatch(base);

	ck_assert_str_eq(told, "acb");
}
END_TEST

START_TEST(freed_it_answers_no_more)
{
	static char a[] = "a";

	notifier->ops->notify(notifier, &notification, on_done, a);
	log_notifier_free(&notifier);
	event_base_dispatch(base);

	ck_assert_str_eq(told, "");
	ck_assert_ptr_null(notifier);
}
END_TEST

SUITE("log notifier", setup, teardown)
{
	tcase_add_test(tests, it_is_in_the_log_and_answered_afterwards);
	tcase_add_test(tests, answers_come_in_order_and_may_lead_to_more);
	tcase_add_test(tests, freed_it_answers_no_more);
}
