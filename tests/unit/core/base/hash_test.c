/* Hashes distinguish texts, and spread similar ones. */
#include "core/base/hash.h"

#include "support/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void set_key(uint64_t seed)
{
	uint64_t key[HASH_KEY_WORDS];

	for (size_t i = 0; i < HASH_KEY_WORDS; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		key[i] = seed ^ seed >> 29;
	}
	hash_set_key(key);
}

#define CHOSEN 500

/* An attacker who knows one key can find texts that share a bucket of 1024; another key spreads them. */
START_TEST(texts_that_collide_under_one_key_do_not_under_another)
{
	static char chosen[CHOSEN][80];
	int counts[1024] = {0};

	set_key(1);
	for (unsigned long number = 0, count = 0; count < CHOSEN; number++) {
		snprintf(chosen[count], sizeof chosen[count], "%s%0*lu%s", names[_i].before, names[_i].digits,
			 number, names[_i].behind);
		count += hash_text(chosen[count]) % 1024 == 7;
	}
	set_key(2);
	for (int i = 0; i < CHOSEN; i++)
		counts[hash_text(chosen[i]) % 1024]++;

	for (int part = 0; part < 1024; part++)
		ck_assert_int_lt(counts[part], 10);
}
END_TEST

/* Texts that an unkeyed hash confused, or could: words in another order, or words that cancel out. */
START_TEST(texts_of_the_same_words_have_different_hashes)
{
	static const char *const words[] = {"aaaaaaaa", "bbbbbbbb", "\x01\x01\x01\x01\x01\x01\x01\x01",
					    "\xff\xff\xff\xff\xff\xff\xff\xff"};
	uint64_t hashes[256];
	char text[40];

	for (unsigned i = 0; i < 256; i++) {
		snprintf(text, sizeof text, "%s%s%s%s", words[i & 3], words[i >> 2 & 3], words[i >> 4 & 3],
			 words[i >> 6]);
		hashes[i] = hash_text(text);
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_ne(hashes[j], hashes[i]);
	}
}
END_TEST

/* The lines of one order: quantities that differ in their high or low bits, or are far apart. */
START_TEST(numbers_beside_a_text_are_spread)
{
	static const uint64_t steps[] = {1, 64, 1 << 16, 0x01000001};

	for (int i = 0; i < COUNT(steps); i++) {
		int counts[64] = {0};

		for (uint64_t number = 0; number < 640; number++)
			counts[hash_text_with("order", number * steps[i]) % 64]++;
		for (int part = 0; part < 64; part++)
			ck_assert_int_lt(counts[part], 40);
	}
}
END_TEST

START_TEST(a_text_of_any_length_has_a_hash)
{
	char *text = calloc(1, HASH_TEXT_MAX + 10);
	uint64_t before = hash_text("");

	for (size_t length = 1; length < HASH_TEXT_MAX + 10; length++) {
		memset(text, 'x', length);
		if (length < HASH_TEXT_MAX)
			ck_assert_uint_ne(hash_text(text), before);
		before = hash_text(text);
	}
	free(text);
}
END_TEST

/* ---- hashes that are stored ---- */

/* From the authors' list: http://www.isthe.com/chongo/src/fnv/test_fnv.c */
static const struct {
	const char *text;
	uint64_t hash;
} fnv_hashes[] = {
	{"", UINT64_C(0xcbf29ce484222325)},
	{"a", UINT64_C(0xaf63dc4c8601ec8c)},
	{"foobar", UINT64_C(0x85944171f73967e8)},
};

START_TEST(a_stored_hash_is_fnv1a)
{
	ck_assert_uint_eq(fnv1a(FNV_BASIS, fnv_hashes[_i].text, strlen(fnv_hashes[_i].text)),
			  fnv_hashes[_i].hash);
}
END_TEST

START_TEST(a_stored_hash_continues_from_the_hash_of_earlier_bytes)
{
	ck_assert_uint_eq(fnv1a(fnv1a(FNV_BASIS, "foo", 3), "bar", 3), fnv1a(FNV_BASIS, "foobar", 6));
}
END_TEST

SUITE("hash")
{
	tcase_add_loop_test(tests, different_texts_have_different_hashes, 0, COUNT(texts));
	tcase_add_loop_test(tests, low_bits_are_spread_evenly, 0, COUNT(names));
	tcase_add_loop_test(tests, texts_that_collide_under_one_key_do_not_under_another, 0, COUNT(names));
	tcase_add_test(tests, texts_of_the_same_words_have_different_hashes);
	tcase_add_test(tests, numbers_beside_a_text_are_spread);
	tcase_add_test(tests, a_text_of_any_length_has_a_hash);
	tcase_add_loop_test(tests, a_stored_hash_is_fnv1a, 0, COUNT(fnv_hashes));
	tcase_add_test(tests, a_stored_hash_continues_from_the_hash_of_earlier_bytes);
}
