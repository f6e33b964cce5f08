/* The mail server's URL: its parts, and the texts that are refused because they could mean two things. */
#include "support/suites.h"

#include "adapters/smtp/smtp_url.h"

#include <string.h>

static const struct {
	const char *text, *server, *user, *password;
	bool tls;
} urls[] = {
	{"smtp://mail.example", "mail.example:25", NULL, NULL, false},
	{"smtps://mail.example", "mail.example:465", NULL, NULL, true},
	{"smtp://mail.example:587", "mail.example:587", NULL, NULL, false},
	{"smtp://127.0.0.1:2525", "127.0.0.1:2525", NULL, NULL, false},
	{"smtp://[::1]:2525", "[::1]:2525", NULL, NULL, false},
	{"smtp://ann:secret@mail.example:587", "mail.example:587", "ann", "secret", false},
	{"smtps://ann%40shop:s%2Fe%3Ac%40t%25@mail.example", "mail.example:465", "ann@shop", "s/e:c@t%",
	 true},
	{"smtp://ann:a:b@mail.example", "mail.example:25", "ann", "a:b", false},
};

static void expect_text(const char *text, const char *expected)
{
	ck_assert_int_eq(!text, !expected);
	if (expected)
		ck_assert_str_eq(text, expected);
}

START_TEST(the_parts_of_a_url_are_parsed)
{
	struct smtp_url url;
	const char *error;

	ck_assert(smtp_url_parse(&url, urls[_i].text, &error));

	ck_assert_str_eq(url.server, urls[_i].server);
	ck_assert_int_eq(url.tls, urls[_i].tls);
	expect_text(url.user, urls[_i].user);
	expect_text(url.password, urls[_i].password);
	smtp_url_release(&url);
}
END_TEST

static const char *const wrong[] = {
	"",
	"mail.example:25",
	"http://mail.example",
	"smtp://",
	"smtp://:25",
	"smtp://mail.example:0",
	"smtp://mail.example:65536",
	"smtp://mail.example:smtp",
	"smtp://mail.example/",
	"smtp://mail.example?tls=off",
	"smtp://ann@mail.example",
	"smtp://ann:@mail.example",
	"smtp://:hunter2@mail.example",
	"smtp://ann:hun@ter2@mail.example",
	"smtp://ann:hun/ter2@mail.example",
	"smtp://ann:hun?ter2@mail.example",
	"smtp://ann:hun#ter2@mail.example",
	"smtp://ann:hunter2%@mail.example",
	"smtp://ann:hunter2%zz@mail.example",
	"smtp://ann:hunter2%00@mail.example",
	"smtp://ann:hunter2%0a@mail.example",
	"smtp://ann:hunter2 @mail.example",
	"smtp://ann:hunter2\xc3\xa4@mail.example",
	"smtp://mail example",
	"smtp://mail%20example",
	"smtp://ann:hunter2@mail%2Eexample",
	"smtp://%ee.example",
	"smtp://[fe80::1%25eth0]",
};

START_TEST(a_malformed_or_ambiguous_url_is_refused_without_repeating_it)
{
	struct smtp_url url;
	const char *error;

	ck_assert(!smtp_url_parse(&url, wrong[_i], &error));

	ck_assert_ptr_null(url.password);
	ck_assert_ptr_null(strstr(error, "hunter"));
	ck_assert_ptr_null(strstr(error, "ter2"));
}
END_TEST

static const char *read_from(void *context, struct arena *arena, const char **error)
{
	(void)arena;
	*error = "ALLOCD_SMTP_URL_FILE: it is gone";
	return context;
}

START_TEST(the_error_names_the_setting_or_the_file)
{
	struct arena *arena = arena_new(256);
	struct smtp_url url;
	const char *error;
	char text[] = "smtp://ann:hunter2";

	ck_assert(!smtp_url_read(&url, &(struct url_source){.read = read_from, .context = text}, arena,
				 &error));
	ck_assert_ptr_eq(strstr(error, "ALLOCD_SMTP_URL: "), error);
	ck_assert_ptr_null(strstr(error, "hunter2"));

	ck_assert(!smtp_url_read(&url, &(struct url_source){.read = read_from}, arena, &error));
	ck_assert_str_eq(error, "ALLOCD_SMTP_URL_FILE: it is gone");
	arena_free(&arena);
}
END_TEST

SUITE("smtp url")
{
	tcase_add_loop_test(tests, the_parts_of_a_url_are_parsed, 0, (int)(sizeof urls / sizeof urls[0]));
	tcase_add_loop_test(tests, a_malformed_or_ambiguous_url_is_refused_without_repeating_it, 0,
			    (int)(sizeof wrong / sizeof wrong[0]));
	tcase_add_test(tests, the_error_names_the_setting_or_the_file);
}
