/* The bounds of a reader's memory for replies and buffers. */
#include "resp_reading.h"
#include "support/suites.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* ---- long bulk strings: around what hiredis buffers, and around what is kept ---- */

static const size_t long_sizes[] = {4093,      4094,       4095,  4096,     8190,         8191,
				    8192,      8193,       20000, 64 * KIB, 64 * KIB + 1, 64 * KIB + 5000,
				    100 * KIB, 1 * MIB + 1};
static const size_t bulk_maxima[] = {1, 4096, 20000, 64 * KIB};

/* An array of a long bulk string and a short one, then another reply. */
static char *wire_of(size_t size, size_t *length)
{
	char *wire = malloc(size + 64);
	int header = sprintf(wire, "*2\r\n$%zu\r\n", size);

	for (size_t i = 0; i < size; i++)
		wire[(size_t)header + i] = "abcdefghijklmnopqrstuvw"[i % 23];
	*length = (size_t)header + size;
	*length += (size_t)sprintf(wire + *length, "\r\n$1\r\n2\r\n+next\r\n");
	return wire;
}

static void check_long_bulk(const char *body, size_t size, size_t bulk_max)
{
	size_t kept = size < bulk_max ? size : bulk_max;
	const redisReply *text = reader.reply->element[0], *second = reader.reply->element[1];

	ck_assert_int_eq(reader.reply->type, REDIS_REPLY_ARRAY);
	ck_assert_int_eq(text->integer, (long long)size);
	ck_assert_uint_eq(text->len, kept);
	ck_assert_int_eq(memcmp(text->str, body, kept), 0);
	ck_assert_int_eq(text->str[kept], '\0');
	ck_assert(resp_is_text(second, "2"));
}

/* In pieces of one size, the first of which is shorter, so that cuts fall everywhere. */
static void read_long_bulk(size_t size, size_t bulk_max, size_t first, size_t piece)
{
	size_t length, used, count = 0;
	char *wire = wire_of(size, &length);

	begin_reading_with(bulk_max);
	for (size_t at = 0, end = first; at < length; end = length - at < piece ? length : at + piece) {
		progress = resp_reader_next(&reader, wire + at, end - at, &used);
		at += used;
		if (progress == RESP_WHOLE && ++count == 1)
			check_long_bulk(strchr(wire, 'a'), size, bulk_max);
	}
	while (resp_reader_next(&reader, NULL, 0, &used) == RESP_WHOLE)
		count++;
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(reader.defect ? reader.defect : "", "");
	free(wire);
}

START_TEST(a_long_bulk_string_keeps_its_beginning_and_its_true_size)
{
	static const size_t pieces[] = {1000, 4096, 16 * KIB, 2 * MIB};

	for (size_t i = 0; i < COUNT(bulk_maxima); i++) {
		for (size_t j = 0; j < COUNT(pieces); j++)
			read_long_bulk(long_sizes[_i], bulk_maxima[i], 4, pieces[j]);
	}
}
END_TEST

START_TEST(a_long_bulk_string_may_be_cut_at_any_byte_of_its_header_and_its_end)
{
	size_t length;

	free(wire_of(9000, &length));
	for (size_t first = 1; first < 30; first++)
		read_long_bulk(9000, 20000, first, 20000);
	for (size_t first = 4085; first < 4110; first++)
		read_long_bulk(9000, 20000, first, 501);
	for (size_t left = 1; left < 30; left++)
		read_long_bulk(9000, 20000, length - left, 20000);
}
END_TEST

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

START_TEST(a_bulk_string_of_200_mib_takes_no_memory)
{
	static char data[64 * KIB];
	long before;

	begin_reading_with(64 * KIB);
	memset(data, 'x', sizeof data);
	before = peak_kib();
	feed_text("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$209715200\r\n");
	for (size_t fed = 0; fed < 209715200; fed += sizeof data)
		feed(data, sizeof data);
	ck_assert_int_lt(peak_kib() - before, 8 * 1024);
	resp_reader_next(&reader, "\r\n", 2, &(size_t){0});

	ck_assert_uint_eq(reader.reply->element[2]->len, 64 * KIB);
	ck_assert_int_eq(reader.reply->element[2]->integer, 209715200);
}
END_TEST

/* Twenty elements. */
static const char elements[] = ":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:0\r\n"
			       "*-1\r\n*0\r\n$-1\r\n$0\r\n\r\n$1\r\na\r\n+\r\n-\r\n:7\r\n:8\r\n:9\r\n";

START_TEST(an_array_of_millions_of_elements_takes_no_memory)
{
	static char block[500 * (sizeof elements - 1) + 1];
	long before;

	for (int i = 0; i < 500; i++)
		strcat(block + (size_t)i * (sizeof elements - 1), elements);
	feed_text("*2000000\r\n");
	before = peak_kib();
	for (int i = 0; i < 200; i++)
		feed(block, sizeof block - 1);
	ck_assert_int_lt(peak_kib() - before, 8 * 1024);
	feed_text("+end\r\n");

	ck_assert_str_eq(replies + strlen(replies) - strlen("]\n+end\n"), "]\n+end\n");
}
END_TEST

static const struct {
	const char *bytes;
	enum resp_progress progress;
} claims[] = {
	{"*2147483647\r\n", RESP_BROKEN},
	{"*536870912\r\n*536870912\r\n*536870912\r\n", RESP_MORE},
};

START_TEST(an_array_that_only_says_that_it_is_long_takes_no_memory)
{
	long before = peak_kib();

	feed_text(claims[_i].bytes);

	ck_assert_int_eq(progress, claims[_i].progress);
	ck_assert_int_lt(peak_kib() - before, 8 * 1024);
}
END_TEST

START_TEST(a_bulk_string_of_gigabytes_is_not_kept)
{
	static char data[1 << 20];
	uint64_t left = (uint64_t)5 << 30;

	memset(data, 'x', sizeof data);
	feed_text("$5368709120\r\n");
	for (; left; left -= sizeof data)
		feed(data, sizeof data);
	feed_text("\r\n+next\r\n");

	ck_assert_str_eq(replies, "'xxxxxxxx' of 5368709120\n+next\n");
}
END_TEST

START_TEST(long_bulk_strings_of_an_array_share_what_they_keep)
{
	static char data[100 * 1024];

	begin_reading_with(64 * KIB);
	memset(data, 'x', sizeof data);
	feed_text("*1000\r\n");
	for (int i = 0; i < 1000; i++) {
		feed_text("$102400\r\n");
		feed(data, sizeof data);
		if (i < 999)
			feed_text("\r\n");
	}
	ck_assert_uint_lt(arena_footprint(arena), 1 * MIB);
	resp_reader_next(&reader, "\r\n", 2, &(size_t){0});

	ck_assert_uint_eq(reader.reply->elements, 1000);
	ck_assert_uint_eq(reader.reply->element[0]->len, 64 * KIB);
	ck_assert_uint_eq(reader.reply->element[1]->len, 64 * KIB);
	ck_assert_uint_eq(reader.reply->element[2]->len, 0);
	ck_assert_int_eq(reader.reply->element[999]->integer, 102400);
}
END_TEST

/* In three pieces: the header, the text, the end. */
static void feed_bulk(size_t size)
{
	static char data[64 * KIB];
	char line[32];

	snprintf(line, sizeof line, "$%zu\r\n", size);
	feed_text(line);
	feed(data, size);
	feed_text("\r\n");
}

START_TEST(a_long_bulk_string_that_its_array_drops_takes_no_memory)
{
	size_t footprint;

	feed_text("*5024\r\n");
	for (int i = 0; i < RESP_ARRAY_MAX; i++)
		feed_text(":1\r\n");
	footprint = arena_footprint(arena);
	for (int i = 0; i < 4000; i++)
		feed_bulk(8 * KIB);

	ck_assert_uint_eq(arena_footprint(arena), footprint);
	ck_assert_ptr_nonnull(strstr(replies, ":1]\n"));
}
END_TEST

static const size_t pieces_of_dropped[] = {501, 20000};

START_TEST(a_reply_ends_behind_long_bulk_strings_that_its_array_drops)
{
	static char wire[32 * KIB], kept[4 * KIB];
	size_t piece = pieces_of_dropped[_i], length = (size_t)sprintf(wire, "*%d\r\n", RESP_ARRAY_MAX + 2);

	for (int i = 0; i < RESP_ARRAY_MAX; i++) {
		length += (size_t)sprintf(wire + length, ":1\r\n");
		strcat(kept, i ? " :1" : "[:1");
	}
	for (int i = 0; i < 2; i++)
		length += (size_t)sprintf(wire + length, "$9000\r\n%09000d\r\n", i);
	length += (size_t)sprintf(wire + length, "+next\r\n$4\r\nlast\r\n");

	for (size_t at = 0; at < length; at += piece)
		feed(wire + at, length - at < piece ? length - at : piece);

	ck_assert_int_eq(strncmp(replies, kept, strlen(kept)), 0);
	ck_assert_str_eq(replies + strlen(kept), "]\n+next\n'last'\n");
}
END_TEST

/* ---- arrays ---- */

/* Numbers from 1 on, `count` of them. */
static void feed_numbers(int count)
{
	char line[32];

	snprintf(line, sizeof line, "*%d\r\n", count);
	feed_text(line);
	for (int i = 1; i <= count; i++) {
		snprintf(line, sizeof line, ":%d\r\n", i);
		feed_text(line);
	}
}

static const int lengths[] = {1, RESP_ARRAY_MAX - 1, RESP_ARRAY_MAX, RESP_ARRAY_MAX + 1, 100000};

START_TEST(an_array_keeps_its_first_elements)
{
	int kept = lengths[_i] < RESP_ARRAY_MAX ? lengths[_i] : RESP_ARRAY_MAX;
	char end[32];

	feed_numbers(lengths[_i]);
	feed_text("+end\r\n");

	snprintf(end, sizeof end, "%s%d]\n+end\n", kept > 1 ? " :" : ":", kept);
	ck_assert_str_eq(replies + strlen(replies) - strlen(end), end);
	ck_assert_int_eq(memcmp(replies, "[:1", 3), 0);
}
END_TEST

/* The dropped elements are arrays in arrays, nils, long and short texts. */
START_TEST(an_element_that_an_array_drops_is_no_part_of_the_reply)
{
	feed_text("*2\r\n*1026\r\n");
	for (int i = 0; i < RESP_ARRAY_MAX; i++)
		feed_text("*0\r\n");
	feed_text("*3\r\n*2\r\n$20\r\n12345678901234567890\r\n$0\r\n\r\n*0\r\n$-1\r\n");
	feed_text("*1\r\n*-1\r\n");
	feed_text("$3\r\nend\r\n+next\r\n");

	ck_assert_ptr_nonnull(strstr(replies, "[] []] 'end']\n+next\n"));
	ck_assert_ptr_null(strstr(replies, "123"));
}
END_TEST

START_TEST(arrays_that_are_nested_too_deeply_break_the_stream)
{
	for (int i = 0; i < RESP_DEPTH_MAX; i++)
		feed_text("*1\r\n");
	feed_text(":1\r\n");
	ck_assert_str_eq(replies, "[[[[[[[:1]]]]]]]\n");

	for (int i = 0; i <= RESP_DEPTH_MAX; i++)
		feed_text("*1\r\n");
	ck_assert_int_eq(progress, RESP_BROKEN);
	ck_assert_ptr_nonnull(strstr(reader.defect, "nested too deeply"));
}
END_TEST

START_TEST(a_reply_that_is_too_large_breaks_the_stream)
{
	feed_text("*128\r\n");
	for (int i = 0; i < 128 && progress != RESP_BROKEN; i++) {
		feed_text("*128\r\n");
		for (int j = 0; j < 128 && progress != RESP_BROKEN; j++)
			feed_numbers(128);
	}

	ck_assert_int_eq(progress, RESP_BROKEN);
	ck_assert_ptr_nonnull(strstr(reader.defect, "too large"));
}
END_TEST

/* Of bulk strings that bypass hiredis, and of bulk strings that do not. */
static const size_t text_sizes[] = {64 * KIB, 4000};

START_TEST(a_reply_whose_texts_are_too_large_breaks_the_stream)
{
	size_t size = text_sizes[_i], whole = 0;

	begin_reading_with(size);
	feed_text("*1000\r\n");
	while (whole < 1000) {
		feed_text("*2\r\n");
		feed_bulk(size);
		feed_bulk(size);
		if (progress == RESP_BROKEN)
			break;
		whole++;
	}

	ck_assert_int_eq(progress, RESP_BROKEN);
	ck_assert_ptr_nonnull(strstr(reader.defect, "too large"));
	ck_assert_uint_eq(whole, (RESP_REPLY_MAX(size) - RESP_VALUE_SIZE) / (3 * RESP_VALUE_SIZE + 2 * size));
	ck_assert_uint_lt(arena_footprint(arena), RESP_REPLY_MAX(size) + 64 * KIB);
}
END_TEST

/* A stream of any length takes as much memory as its largest reply. */
START_TEST(the_memory_of_a_reply_is_reused_by_the_next)
{
	size_t footprint;

	feed_text("*2\r\n$8\r\n12345678\r\n:1\r\n");
	footprint = arena_footprint(arena);
	for (int i = 0; i < 1000; i++)
		feed_text("*2\r\n$8\r\n12345678\r\n:1\r\n");

	ck_assert_uint_eq(arena_footprint(arena), footprint);
}
END_TEST

SUITE("redis reader bounds", begin_reading, end_reading)
{
	tcase_add_loop_test(tests, a_long_bulk_string_keeps_its_beginning_and_its_true_size, 0,
			    COUNT(long_sizes));
	tcase_add_test(tests, a_long_bulk_string_may_be_cut_at_any_byte_of_its_header_and_its_end);
	tcase_add_test(tests, a_bulk_string_of_200_mib_takes_no_memory);
	tcase_add_test(tests, an_array_of_millions_of_elements_takes_no_memory);
	tcase_add_loop_test(tests, an_array_that_only_says_that_it_is_long_takes_no_memory, 0, COUNT(claims));
	tcase_add_test(tests, a_bulk_string_of_gigabytes_is_not_kept);
	tcase_add_test(tests, long_bulk_strings_of_an_array_share_what_they_keep);
	tcase_add_test(tests, a_long_bulk_string_that_its_array_drops_takes_no_memory);
	tcase_add_loop_test(tests, a_reply_ends_behind_long_bulk_strings_that_its_array_drops, 0,
			    COUNT(pieces_of_dropped));
	tcase_add_loop_test(tests, an_array_keeps_its_first_elements, 0, COUNT(lengths));
	tcase_add_test(tests, an_element_that_an_array_drops_is_no_part_of_the_reply);
	tcase_add_test(tests, arrays_that_are_nested_too_deeply_break_the_stream);
	tcase_add_test(tests, a_reply_that_is_too_large_breaks_the_stream);
	tcase_add_loop_test(tests, a_reply_whose_texts_are_too_large_breaks_the_stream, 0, COUNT(text_sizes));
	tcase_add_test(tests, the_memory_of_a_reply_is_reused_by_the_next);
}
