/* Notifications in the log. */
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

static struct logger logger = {.level = LOG_DEBUG, .write = write_line};
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

START_TEST(a_notification_is_logged_and_answered_after_the_call)
{
	static char a[] = "a";

	notifier->ops->notify(notifier, &notification, on_done, a);
	ck_assert_str_eq(told, "");
	event_base_dispatch(base);

	ck_assert_str_eq(told, "a");
	ck_assert_str_eq(log_text, "2 out of stock sku=lamp0 orderid=order0 qty=3");
}
END_TEST

START_TEST(answers_come_in_order_and_may_notify_again)
{
	static char a[] = "a", c[] = "c";

	notifier->ops->notify(notifier, &notification, on_done_again, a);
	notifier->ops->notify(notifier, &notification, on_done, c);
	event_base_dispatch(base);

	ck_assert_str_eq(told, "acb");
}
END_TEST

START_TEST(a_freed_notifier_calls_no_callback)
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
	tcase_add_test(tests, a_notification_is_logged_and_answered_after_the_call);
	tcase_add_test(tests, answers_come_in_order_and_may_notify_again);
	tcase_add_test(tests, a_freed_notifier_calls_no_callback);
}
