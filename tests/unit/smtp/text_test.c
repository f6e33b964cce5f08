/* The header and the body of a mail. */
#include "support/suites.h"

#include "adapters/smtp/mail_text.h"
#include "core/base/calendar.h"

#include <stdlib.h>
#include <string.h>

#define NOW ((time_t)1796724000) /* 2026-12-08 10:00 UTC */

static struct stock stock;
static struct notification notification;
static char *text;

static void set_up(void)
{
	stock = (struct stock){.incarnation = "incarnation"};
	notification = (struct notification){.key = 7,
					     .sku = "LAMP",
					     .orderid = "order-1",
					     .qty = 10,
					     .recipient = "ann@example.com",
					     .stock = &stock};
}

static void tear_down(void)
{
	free(text);
	text = NULL;
}

static void add_batch(const char *reference, const char *day, int32_t qty)
{
	struct stock_batch *batch = &stock.batches[stock.count++];

	*batch = (struct stock_batch){reference, IN_WAREHOUSE, qty};
	if (day)
		ck_assert(day_parse(day, strlen(day), &batch->eta));
}

static void write_mail(void)
{
	free(text);
	text = mail_text(&notification, "allocd@shop.example", NOW);
}

static void expect(const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in\n%s", part, text);
}

START_TEST(the_header_names_sender_recipient_subject_and_auto_submitted)
{
	write_mail();

	ck_assert_ptr_eq(strstr(text, "Date: Tue, 8 Dec 2026 10:00:00 +0000\r\n"
				      "From: allocd@shop.example\r\n"
				      "To: ann@example.com\r\n"
				      "Subject: Out of stock: 10 of LAMP for order order-1\r\n"
				      "Message-ID: <7.incarnation@shop.example>\r\n"
				      "Auto-Submitted: auto-generated\r\n"
				      "MIME-Version: 1.0\r\n"
				      "Content-Type: text/plain; charset=UTF-8\r\n"
				      "Content-Transfer-Encoding: quoted-printable\r\n"
				      "\r\n"),
			 text);
}
END_TEST

START_TEST(every_attempt_has_the_same_message_id)
{
	notification.attempts = 5;
	add_batch("shelf", NULL, 3);
	write_mail();

	expect("Message-ID: <7.incarnation@shop.example>\r\n");
}
END_TEST

START_TEST(the_body_names_order_sku_and_quantity)
{
	write_mail();

	expect("    Order:     order-1\r\n    SKU:       LAMP\r\n    Quantity:  10\r\n");
}
END_TEST

START_TEST(the_body_lists_free_stock_and_when_it_is_due)
{
	add_batch("shelf", NULL, 4);
	add_batch("shipment", "2026-12-24", 7);
	write_mail();

	expect("At 2026-12-08 10:00 UTC these quantities of it are free:");
	expect("    in the warehouse           4  in batch shelf\r\n");
	expect("    due 2026-12-24             7  in batch shipment\r\n");
	expect("have \"allocate\" sent again");
	expect("divided into lines that fit");
}
END_TEST

START_TEST(the_body_without_stock_says_that_nothing_is_free)
{
	write_mail();

	expect("nothing of it is free, in the warehouse or due.\r\n");
	ck_assert_ptr_null(strstr(text, "divided"));
}
END_TEST

START_TEST(the_body_names_a_batch_that_has_enough_by_now)
{
	add_batch("shelf", NULL, 4);
	add_batch("shipment", "2026-12-24", 10);
	write_mail();

	expect("Batch shipment has enough by now.");
	ck_assert_ptr_null(strstr(text, "Order stock"));
}
END_TEST

START_TEST(the_body_mentions_batches_beyond_the_listed_ones)
{
	add_batch("shelf", NULL, 4);
	stock.has_more = true;
	write_mail();

	expect("and further batches, which come later");
}
END_TEST

/* Each injection is tried in every text that a sender chooses. */
static const char *const injections[] = {"x\r\nBcc: eve@example.com",
					 "x\nBcc: eve@example.com",
					 "x\r\n\r\nbody",
					 "x\r\n.\r\nMAIL FROM:<eve@example.com>",
					 "x\xe2\x80\xa8y",
					 "\xff\xfe"};

static size_t count_lines(const char *beginning)
{
	size_t count = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		count += strncmp(line, beginning, strlen(beginning)) == 0;
	return count;
}

START_TEST(a_sku_or_an_order_with_line_ends_adds_no_line)
{
	size_t lines;

	add_batch("shelf", NULL, 4);
	write_mail();
	lines = count_lines("");
	notification.sku = notification.orderid = stock.batches[0].reference = injections[_i];
	write_mail();

	ck_assert_uint_eq(count_lines("Bcc:") + count_lines("MAIL FROM") + count_lines("."), 0);
	ck_assert_uint_eq(count_lines("Subject:"), 1);
	ck_assert_uint_le(count_lines(""), lines + 12); /* folded and soft line ends of longer texts */
	for (const char *at = text; *at; at++)
		ck_assert((*at >= ' ' && *at <= '~') || (at[0] == '\r' && at[1] == '\n') ||
			  (at[0] == '\n' && at[-1] == '\r'));
}
END_TEST

START_TEST(the_domain_is_the_part_of_the_address_after_the_at_sign)
{
	ck_assert_str_eq(mail_domain("a@shop.example"), "shop.example");
	ck_assert_str_eq(mail_domain("root"), "localhost");
}
END_TEST

SUITE("mail text", set_up, tear_down)
{
	tcase_add_test(tests, the_header_names_sender_recipient_subject_and_auto_submitted);
	tcase_add_test(tests, every_attempt_has_the_same_message_id);
	tcase_add_test(tests, the_body_names_order_sku_and_quantity);
	tcase_add_test(tests, the_body_lists_free_stock_and_when_it_is_due);
	tcase_add_test(tests, the_body_without_stock_says_that_nothing_is_free);
	tcase_add_test(tests, the_body_names_a_batch_that_has_enough_by_now);
	tcase_add_test(tests, the_body_mentions_batches_beyond_the_listed_ones);
	tcase_add_loop_test(tests, a_sku_or_an_order_with_line_ends_adds_no_line, 0,
			    (int)(sizeof injections / sizeof injections[0]));
	tcase_add_test(tests, the_domain_is_the_part_of_the_address_after_the_at_sign);
}
