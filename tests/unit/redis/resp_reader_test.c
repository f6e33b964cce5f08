/* Replies, however their bytes arrive, and bytes that are no reply. */
#include "resp_reading.h"
#include "support/suites.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- replies ---- */

static const char stream[] = "+OK\r\n"
			     "-ERR no\r\n"
			     ":-12\r\n"
			     "$-1\r\n"
			     "*-1\r\n"
			     "$0\r\n\r\n"
			     "*0\r\n"
			     "$8\r\n1234\r\n78\r\n"
			     "$12\r\n123456789abc\r\n"
			     "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\na\0b\r\n"
			     "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$20\r\n\r\n$3\r\nabc\r\n*1\r\n.....\r\n"
			     "*3\r\n*2\r\n:1\r\n$-1\r\n*0\r\n-ERR inside\r\n"
			     "+end\r\n";
static const size_t stream_size = sizeof stream - 1;

static const char expected[] = "+OK\n"
			       "-ERR no\n"
			       ":-12\n"
			       "nil\n"
			       "nil\n"
			       "''\n"
			       "[]\n"
			       "'1234\r\n78'\n"
			       "'12345678' of 12\n"
			       "['message' 'c' 'a']\n"
			       "['message' 'c' '\r\n$3\r\nab' of 20]\n"
			       "[[:1 nil] [] -ERR inside]\n"
			       "+end\n";

START_TEST(replies_are_returned_one_by_one)
{
	feed(stream, stream_size);

	ck_assert_str_eq(replies, expected);
	ck_assert_int_eq(progress, RESP_MORE);
}
END_TEST

START_TEST(a_stream_that_is_cut_anywhere_gives_the_same_replies)
{
	for (size_t cut = 0; cut <= stream_size; cut++) {
		begin_reading();
		feed(stream, cut);
		feed(stream + cut, stream_size - cut);

		ck_assert_msg(!strcmp(replies, expected), "cut at %zu: %s", cut, replies);
	}
}
END_TEST

START_TEST(a_stream_in_pieces_of_any_size_gives_the_same_replies)
{
	size_t piece = (size_t)_i;

	for (size_t at = 0; at < stream_size; at += piece)
		feed(stream + at, stream_size - at < piece ? stream_size - at : piece);

	ck_assert_str_eq(replies, expected);
}
END_TEST

START_TEST(a_reply_is_returned_before_garbage_behind_it_breaks_the_stream)
{
	size_t used;

	ck_assert_int_eq(resp_reader_next(&reader, "+a\r\ngarbage", 11, &used), RESP_WHOLE);
	ck_assert_str_eq(reader.reply->str, "a");
	ck_assert(resp_reader_has_unread(&reader));
	ck_assert_int_eq(resp_reader_next(&reader, NULL, 0, &used), RESP_BROKEN);
}
END_TEST

START_TEST(nothing_is_unread_once_every_reply_was_returned)
{
	ck_assert(!resp_reader_has_unread(&reader));
	feed_text("+a\r\n+b\r\n$3\r\nab");

	ck_assert_str_eq(replies, "+a\n+b\n");
	ck_assert(!resp_reader_has_unread(&reader));
}
END_TEST

START_TEST(nothing_is_unread_after_a_reply_that_used_every_byte)
{
	size_t used;

	ck_assert_int_eq(resp_reader_next(&reader, "+a\r\n", 4, &used), RESP_WHOLE);

	ck_assert_uint_eq(used, 4);
	ck_assert(!resp_reader_has_unread(&reader));
}
END_TEST

START_TEST(nothing_is_unread_in_a_reader_that_is_all_zero)
{
	ck_assert(!resp_reader_has_unread(&(struct resp_reader){0}));
}
END_TEST

START_TEST(each_bulk_string_has_its_true_size)
{
	feed_text("*4\r\n$9\r\n123456789\r\n$1\r\n1\r\n*1\r\n$12\r\n123456789abc\r\n$10\r\n123456789a\r\n");

	ck_assert_str_eq(replies, "['12345678' of 9 '1' ['12345678' of 12] '1234567' of 10]\n");
}
END_TEST

/* 8 bytes each, and 16 together; the bulk strings of an array in it have a share of their own. */
START_TEST(the_bulk_strings_of_an_array_share_what_they_keep)
{
	feed_text("*5\r\n$9\r\n123456789\r\n$7\r\n1234567\r\n$4\r\n1234\r\n");
	feed_text("*1\r\n$4\r\n1234\r\n$0\r\n\r\n+end\r\n");

	ck_assert_str_eq(replies, "['12345678' of 9 '1234567' '1' of 4 ['1234'] '']\n+end\n");
}
END_TEST

static const struct {
	const char *line;
	const char *replies;
} numbers[] = {
	{":0\r\n", ":0\n"},
	{":-1\r\n", ":-1\n"},
	{":9223372036854775807\r\n", ":9223372036854775807\n"},
	{":-9223372036854775808\r\n", ":-9223372036854775808\n"},
};

START_TEST(numbers_have_64_bits)
{
	feed_text(numbers[_i].line);

	ck_assert_str_eq(replies, numbers[_i].replies);
}
END_TEST

/* ---- bytes that are no reply ---- */

static const struct {
	const char *bytes;
	size_t size;        /* 0: up to the NUL */
	const char *defect; /* a part of its text; empty where the text depends on hiredis' version */
} hostile[] = {
	{"HTTP/1.1 400 Bad Request\r\n", 0, "reply type byte"},
	{"SSH-2.0-OpenSSH_9.2\r\n", 0, "reply type byte"},
	{"\0\0\0\0", 4, "reply type byte"},
	{"\x15\x03\x03", 0, "reply type byte"},
	{"\r\n", 0, "reply type byte"},
	{"_\r\n", 0, "type"},
	{"%1\r\n:1\r\n:1\r\n", 0, "type"},
	{"~1\r\n:1\r\n", 0, "type"},
	{">1\r\n:1\r\n", 0, "type"},
	{",1.5\r\n", 0, "type"},
	{"#t\r\n", 0, "type"},
	{"(1\r\n", 0, "type"},
	{"=5\r\ntxt:x\r\n", 0, "type"},
	{"+OK\n", 0, "CR LF"},
	{"+OK\n+OK\r\n", 0, ""},
	{"-ERR\nno\r\n", 0, ""},
	{"+\n", 0, "CR LF"},
	{"$\r\n", 0, "length"},
	{"$x\r\n", 0, "length"},
	{"$-2\r\n", 0, "length"},
	{"$--1\r\n", 0, "length"},
	{"$-\r\n", 0, "length"},
	{"$+1\r\n", 0, "length"},
	{"$1 \r\n", 0, "length"},
	{"$1x\r\n", 0, "length"},
	{"$1\0\r\n", 5, "length"},
	{"$01\r\n1\r\n", 0, "length"},
	{"$-0\r\n\r\n", 0, "length"},
	{"$1099511627777\r\n", 0, "bulk string that is too long"},
	{"$9223372036854775807\r\n", 0, "bulk string that is too long"},
	{"$99999999999999999999999999\r\n", 0, "length"},
	{"*-2\r\n", 0, "length"},
	{"*01\r\n:1\r\n", 0, "length"},
	{"*1e3\r\n", 0, "length"},
	{"*536870913\r\n", 0, "array"},
	{"*2147483647\r\n", 0, ""},
	{"*4294967297\r\n", 0, ""},
	{"*1099511627776\r\n", 0, ""},
	{":\r\n", 0, "integer"},
	{":-\r\n", 0, "integer"},
	{":1x\r\n", 0, "integer"},
	{":+1\r\n", 0, "integer"},
	{":-0\r\n", 0, "integer"},
	{":01\r\n", 0, "integer"},
	{":9223372036854775808\r\n", 0, "integer"},
	{":-9223372036854775809\r\n", 0, "integer"},
	{"*2\r\n:1\r\n:x\r\n", 0, "integer"},
	{"$1\r\n12\r\n", 0, "end"},
	{"$1\r\n1\n\r", 0, "end"},
	{"$0\r\n0\r\n", 0, "end"},
	{"$9\r\n1234567890\r\n", 0, "end"},
	{"*2\r\n:1\r\nx", 0, "reply type byte"},
};

START_TEST(bytes_that_are_not_resp2_break_the_stream)
{
	feed(hostile[_i].bytes, hostile[_i].size ? hostile[_i].size : strlen(hostile[_i].bytes));

	ck_assert_int_eq(progress, RESP_BROKEN);
	ck_assert_msg(strstr(reader.defect, hostile[_i].defect), "%s", reader.defect);
	ck_assert_str_eq(replies, "");
}
END_TEST

START_TEST(a_broken_stream_stays_broken)
{
	feed_text("x");
	progress = RESP_MORE;
	feed_text("+OK\r\n");

	ck_assert_int_eq(progress, RESP_BROKEN);
	ck_assert_str_eq(replies, "");
}
END_TEST

START_TEST(a_line_that_is_too_long_breaks_the_stream)
{
	feed_text("+");
	for (int i = 0; i < RESP_LINE_MAX - 3; i++)
		feed_text("x");
	ck_assert_int_eq(progress, RESP_MORE);
	feed_text("xx");
	ck_assert_int_eq(progress, RESP_MORE);

	feed_text("x");

	ck_assert_int_eq(progress, RESP_BROKEN);
	ck_assert_ptr_nonnull(strstr(reader.defect, "line"));
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
	unsigned seed = (unsigned)_i;

	for (int round = 0; round < 2000; round++) {
		static const char alphabet[] = "+-:$*0123456789\r\n\r\n\r\nx";
		char bytes[64];

		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
		begin_reading();
		feed(bytes, sizeof bytes);
	}
}
END_TEST

SUITE("redis reader", begin_reading, end_reading)
{
	tcase_add_test(tests, replies_are_returned_one_by_one);
	tcase_add_test(tests, a_stream_that_is_cut_anywhere_gives_the_same_replies);
	tcase_add_loop_test(tests, a_stream_in_pieces_of_any_size_gives_the_same_replies, 1, 20);
	tcase_add_test(tests, a_reply_is_returned_before_garbage_behind_it_breaks_the_stream);
	tcase_add_test(tests, nothing_is_unread_once_every_reply_was_returned);
	tcase_add_test(tests, nothing_is_unread_after_a_reply_that_used_every_byte);
	tcase_add_test(tests, nothing_is_unread_in_a_reader_that_is_all_zero);
	tcase_add_test(tests, each_bulk_string_has_its_true_size);
	tcase_add_test(tests, the_bulk_strings_of_an_array_share_what_they_keep);
	tcase_add_loop_test(tests, numbers_have_64_bits, 0, COUNT(numbers));
	tcase_add_loop_test(tests, bytes_that_are_not_resp2_break_the_stream, 0, COUNT(hostile));
	tcase_add_test(tests, a_broken_stream_stays_broken);
	tcase_add_test(tests, a_line_that_is_too_long_breaks_the_stream);
	tcase_add_loop_test(tests, random_bytes_do_no_harm, 0, 8);
}
