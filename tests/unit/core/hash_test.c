/* Hashes tell texts apart, and spread what is alike. */
#include "core/hash.h"

#include "suites.h"

#include <stdio.h>

static const char *const texts[] = {
	"",
	"a",
	"b",
	"aa",
	"ab",
	"ba",
	"abcdefg",
	"abcdefgh",
	"abcdefgi",
	"hbcdefga",
	"abcdefghi",
	"abcdefgh\x01",
	"abcdefghabcdefgh",
	"abcdefghhgfedcba",
	"hgfedcbaabcdefgh",
};

START_TEST(different_texts_have_different_hashes)
{
	for (int i = 0; i < _i; i++)
		ck_assert_uint_ne(hash_text(texts[i]), hash_text(texts[_i]));
}
END_TEST

/* The usual names: a word and a number.  1000 of them into as many places: few share one. */
static const struct {
	const char *before;
	int digits;
	const char *behind;
} names[] = {{"order-", 1, ""},
	     {"SKU-", 4, ""},
	     {"", 1, ""},
	     {"", 1, "-a"},
	     {"allocate\xff\xff"
	      "bench-",
	      8, ""}};

START_TEST(low_bits_are_spread_evenly)
{
	int counts[1024] = {0};

	for (int number = 0; number < 1000; number++) {
		char name[40];

		snprintf(name, sizeof name, "%s%0*d%s", names[_i].before, names[_i].digits, number,
			 names[_i].behind);
		counts[hash_text(name) % 1024]++;
	}

	for (int part = 0; part < 1024; part++)
		ck_assert_int_lt(counts[part], 10);
}
END_TEST

Suite *hash_suite(void)
{
	Suite *suite = suite_create("hash");
	TCase *tests = tcase_create("hash");

	tcase_add_loop_test(tests, different_texts_have_different_hashes, 0, COUNT(texts));
	tcase_add_loop_test(tests, low_bits_are_spread_evenly, 0, COUNT(names));
	suite_add_tcase(suite, tests);
	return suite;
}
