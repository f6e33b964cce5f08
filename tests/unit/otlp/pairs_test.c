/* NAME=VALUE,... and URLs, as the environment has them. */
#include "adapters/otlp/otlp_http.h"
#include "adapters/otlp/otlp_pairs.h"
#include "support/suites.h"

static struct arena *arena;
static struct otlp_pairs pairs;

static void set_up(void)
{
	arena = arena_new(256);
}

static void tear_down(void)
{
	arena_free(&arena);
}

START_TEST(pairs_are_decoded)
{
	ck_assert(otlp_pairs_parse("a=b , key=Bearer%20x%3D, empty=,q=1=2,", arena, &pairs));

	ck_assert_uint_eq(pairs.count, 4);
	ck_assert_str_eq(otlp_pairs_value(&pairs, "a"), "b");
	ck_assert_str_eq(otlp_pairs_value(&pairs, "key"), "Bearer x=");
	ck_assert_str_eq(otlp_pairs_value(&pairs, "empty"), "");
	ck_assert_str_eq(otlp_pairs_value(&pairs, "q"), "1=2");
	ck_assert_ptr_null(otlp_pairs_value(&pairs, "other"));
}
END_TEST

START_TEST(no_pairs_are_pairs)
{
	ck_assert(otlp_pairs_parse("", arena, &pairs));
	ck_assert_uint_eq(pairs.count, 0);
}
END_TEST

static const char *const malformed[] = {"a",         "=b",     "a=b,c", " =b",
					"a=%0d%0aX", "a%0a=b", "a=%00", "a=b,,c=d"};

START_TEST(other_texts_are_refused)
{
	ck_assert(!otlp_pairs_parse(malformed[_i], arena, &pairs));
}
END_TEST

START_TEST(pairs_are_bounded)
{
	const char *text = "a=b";

	for (int i = 1; i < OTLP_PAIRS_MAX; i++)
		text = arena_printf(arena, "%s,a=b", text);

	ck_assert(otlp_pairs_parse(text, arena, &pairs));
	ck_assert(!otlp_pairs_parse(arena_printf(arena, "%s,a=b", text), arena, &pairs));
}
END_TEST

START_TEST(a_receiver_has_an_http_url)
{
	ck_assert_ptr_null(otlp_url_defect("http://localhost:4318"));
	ck_assert_ptr_null(otlp_url_defect("https://[::1]:4318/v1/traces"));
	ck_assert_ptr_nonnull(otlp_url_defect("localhost:4318"));
	ck_assert_ptr_nonnull(otlp_url_defect("grpc://localhost:4317"));
	ck_assert_ptr_nonnull(otlp_url_defect("http://"));
	ck_assert_ptr_nonnull(otlp_url_defect("http://x:99999"));
}
END_TEST

SUITE("otlp pairs", set_up, tear_down)
{
	tcase_add_test(tests, pairs_are_decoded);
	tcase_add_test(tests, no_pairs_are_pairs);
	tcase_add_loop_test(tests, other_texts_are_refused, 0, COUNT(malformed));
	tcase_add_test(tests, pairs_are_bounded);
	tcase_add_test(tests, a_receiver_has_an_http_url);
}
