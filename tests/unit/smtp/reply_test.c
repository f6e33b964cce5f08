/* The kind of a failed mail's failure, and its text. */
#include "support/suites.h"

#include "adapters/smtp/smtp_reply.h"
#include "core/base/utf8.h"

#include <string.h>

static struct smtp_session session;
static struct smtp_account account;
static char text[SMTP_FAILURE_SIZE];

static void set_up(void)
{
	session = (struct smtp_session){0};
	account = (struct smtp_account){.server = "mail.example:25",
					.recipient = "ann@example",
					.password = "hunter2",
					.cause = "it broke",
					.advice = ""};
}

static void send(const char *command)
{
	smtp_note_command(&session, command, strlen(command));
}

static void hear(const char *line)
{
	smtp_note_line(&session, line, strlen(line));
}

static void describe(void)
{
	smtp_describe(&session, &account, text);
}

static void come_to_content(bool is_all_sent)
{
	send("EHLO me\r\n");
	hear("250 hello\r\n");
	send("MAIL FROM:<a@b>\r\n");
	hear("250 ok\r\n");
	send("RCPT TO:<c@d>\r\n");
	hear("250 ok\r\n");
	send("DATA\r\n");
	hear("354 go on\r\n");
	smtp_note_content(&session);
	session.is_all_sent = is_all_sent;
}

static const struct {
	const char *command, *reply;
	enum failure_kind kind;
} refusals[] = {
	{"", "554 no service\r\n", FAILURE_RETRY},
	{"EHLO me\r\n", "550 go away\r\n", FAILURE_RETRY},
	{"STARTTLS\r\n", "502 no\r\n", FAILURE_RETRY},
	{"AUTH PLAIN AGEAYg==\r\n", "535 wrong\r\n", FAILURE_RETRY},
	{"MAIL FROM:<a@b>\r\n", "530 log in first\r\n", FAILURE_RETRY},
	{"MAIL FROM:<a@b>\r\n", "451 later\r\n", FAILURE_RETRY},
	{"RCPT TO:<c@d>\r\n", "550 5.1.1 no such user\r\n", FAILURE_DATA},
	{"RCPT TO:<c@d>\r\n", "450 greylisted\r\n", FAILURE_BUSY},
	{"RCPT TO:<c@d>\r\n", "421 closing\r\n", FAILURE_RETRY},
	{"DATA\r\n", "554 no valid recipients\r\n", FAILURE_DATA},
	{"DATA\r\n", "452 no room\r\n", FAILURE_BUSY},
};

START_TEST(a_5xx_reply_is_final_only_for_the_recipient_or_the_mail)
{
	hear("220 ready\r\n");
	send(refusals[_i].command);
	hear(refusals[_i].reply);
	send("QUIT\r\n");
	hear("221 bye\r\n");

	ck_assert_int_eq(smtp_failure_kind(&session), refusals[_i].kind);
}
END_TEST

START_TEST(a_mail_without_a_reply_after_its_whole_content_is_uncertain)
{
	come_to_content(true);
	ck_assert_int_eq(smtp_failure_kind(&session), FAILURE_UNCERTAIN);
	describe();
	ck_assert_str_eq(text, "mail.example:25: it broke; the mail was sent, and may have been accepted");

	hear("554 5.7.1 spam\r\n");
	ck_assert_int_eq(smtp_failure_kind(&session), FAILURE_DATA);
}
END_TEST

START_TEST(a_mail_that_was_not_wholly_sent_is_retried)
{
	come_to_content(false);

	ck_assert_int_eq(smtp_failure_kind(&session), FAILURE_RETRY);
}
END_TEST

START_TEST(the_text_of_a_failure_quotes_the_server)
{
	send("RCPT TO:<ann@example>\r\n");
	hear("550-5.1.1 The account does not exist.\r\n");
	hear("550 5.1.1 Check the address.\r\n");
	describe();

	ck_assert_str_eq(text,
			 "mail.example:25 refused the recipient ann@example: 550-5.1.1 The account does "
			 "not exist. 5.1.1 Check the address.");
}
END_TEST

START_TEST(a_quoted_reply_is_one_printable_line_of_bounded_length)
{
	char long_line[5000] = "550 ";

	memset(long_line + 4, 'x', sizeof long_line - 5);
	send("RCPT TO:<c@d>\r\n");
	hear("550-\x1b[2Jcaf\xe9\tx\xe2\x80\xae\xe2\x80\xac\r\n");
	for (int i = 0; i < 100; i++)
		hear(long_line);
	describe();

	ck_assert_uint_lt(strlen(text), SMTP_FAILURE_SIZE);
	ck_assert(utf8_is_valid(text, strlen(text)));
	for (const char *at = text; *at; at++)
		ck_assert_int_ne(*at > 0 && *at < ' ', 1);
	ck_assert_ptr_null(strstr(text, (const char[]){'\xe2', '\x80', '\xae', '\0'}));
}
END_TEST

START_TEST(a_password_that_the_server_repeats_is_not_repeated)
{
	send("AUTH PLAIN AGEAYg==\r\n");
	hear("535 no: hunter2 is wrong\r\n");
	describe();

	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_ptr_nonnull(strstr(text, "refused the user or the password of ALLOCD_SMTP_URL"));
}
END_TEST

START_TEST(no_byte_of_a_command_but_its_verb_is_kept)
{
	send("AUTH PLAIN aHVudGVyMg==\r\n");
	hear("334 \r\n");
	send("aHVudGVyMg==\r\n");
	describe();

	ck_assert_ptr_null(strstr(text, "aHVu"));
	ck_assert_ptr_null(memmem(&session, sizeof session, "aHVu", 4));
}
END_TEST

SUITE("smtp reply", set_up, NULL)
{
	tcase_add_loop_test(tests, a_5xx_reply_is_final_only_for_the_recipient_or_the_mail, 0,
			    (int)(sizeof refusals / sizeof refusals[0]));
	tcase_add_test(tests, a_mail_without_a_reply_after_its_whole_content_is_uncertain);
	tcase_add_test(tests, a_mail_that_was_not_wholly_sent_is_retried);
	tcase_add_test(tests, the_text_of_a_failure_quotes_the_server);
	tcase_add_test(tests, a_quoted_reply_is_one_printable_line_of_bounded_length);
	tcase_add_test(tests, a_password_that_the_server_repeats_is_not_repeated);
	tcase_add_test(tests, no_byte_of_a_command_but_its_verb_is_kept);
}
