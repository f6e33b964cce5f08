/* Frames, however the bytes come, and whatever they are. */
#include "adapters/redis/protocol/resp_reader.h"

#include "support/suites.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK_MAX 8

static struct arena *arena;
static struct frame frame;
static char heard[16384]; /* every frame, as text */
static enum frame_progress progress;

static void setup(void)
{
	arena = arena_new(64);
	frame_init(&frame, BULK_MAX, arena);
	heard[0] = '\0';
	progress = FRAME_MORE;
}

static void teardown(void)
{
	arena_free(&arena);
}

__attribute__((format(printf, 1, 2))) static void hear(const char *format, ...)
{
	size_t size = strlen(heard);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(heard + size, sizeof heard - size, format, arguments);
	va_end(arguments);
}

static void write_reply(const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_ARRAY:
		hear("[");
		for (size_t i = 0; i < reply->elements; i++) {
			hear(i ? " " : "");
			write_reply(reply->element[i]);
		}
		hear("]");
		break;
	case REDIS_REPLY_INTEGER:
		hear(":%lld", reply->integer);
		break;
	case REDIS_REPLY_NIL:
		hear("nil");
		break;
	case REDIS_REPLY_STRING:
		hear("'%.*s'", (int)reply->len, reply->str);
		if ((size_t)reply->integer != reply->len)
			hear(" of %lld", reply->integer);
		break;
	default:
		hear("%c%s", reply->type == REDIS_REPLY_ERROR ? '-' : '+', reply->str);
	}
}

static void hear_frame(void)
{
	write_reply(frame.reply);
	hear("\n");
}

/* As a connection does it: one frame after the other, until the bytes are used up. */
static void feed(const char *data, size_t size)
{
	while (size && progress != FRAME_BROKEN) {
		size_t taken = 0;

		progress = frame_feed(&frame, data, size, &taken);
		ck_assert_uint_le(taken, size);
		data += taken;
		size -= taken;
		if (progress == FRAME_WHOLE)
			hear_frame();
	}
}

static void feed_text(const char *text)
{
	feed(text, strlen(text));
}

/* ---- the good ---- */

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

START_TEST(frames_come_one_by_one)
{
	feed(stream, stream_size);

	ck_assert_str_eq(heard, expected);
	ck_assert_int_eq(progress, FRAME_WHOLE);
}
END_TEST

START_TEST(it_does_not_matter_where_the_stream_is_split)
{
	for (size_t split = 0; split <= stream_size; split++) {
		teardown();
		setup();
		feed(stream, split);
		feed(stream + split, stream_size - split);

		ck_assert_msg(!strcmp(heard, expected), "split at %zu: %s", split, heard);
	}
}
END_TEST

START_TEST(pieces_may_be_of_any_size)
{
	size_t piece = (size_t)_i;

	for (size_t at = 0; at < stream_size; at += piece)
		feed(stream + at, stream_size - at < piece ? stream_size - at : piece);

	ck_assert_str_eq(heard, expected);
}
END_TEST

START_TEST(a_whole_frame_is_told_before_what_follows_is_looked_at)
{
	size_t taken = 0;

	progress = frame_feed(&frame, "+a\r\ngarbage", 11, &taken);

	ck_assert_int_eq(progress, FRAME_WHOLE);
	ck_assert_uint_eq(taken, 4);
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

	ck_assert_str_eq(heard, "'xxxxxxxx' of 5368709120\n+next\n");
}
END_TEST

START_TEST(the_true_size_of_the_last_that_was_shortened_is_of_this_frame_only)
{
	feed_text("*3\r\n$1\r\n1\r\n$9\r\n123456789\r\n$10\r\n123456789a\r\n");
	ck_assert_uint_eq(frame.cut_from, 10);

	feed_text("$1\r\n1\r\n");
	ck_assert_uint_eq(frame.cut_from, 0);
}
END_TEST

START_TEST(each_bulk_string_has_its_true_size)
{
	feed_text("*4\r\n$9\r\n123456789\r\n$1\r\n1\r\n*1\r\n$12\r\n123456789abc\r\n$10\r\n123456789a\r\n");

	ck_assert_str_eq(heard, "['12345678' of 9 '1' ['12345678' of 12] '1234567' of 10]\n");
}
END_TEST

/* 8 bytes each, and 16 together; what is in an array inside has a share of its own. */
START_TEST(the_bulk_strings_of_an_array_share_what_they_keep)
{
	feed_text("*5\r\n$9\r\n123456789\r\n$7\r\n1234567\r\n$4\r\n1234\r\n");
	feed_text("*1\r\n$4\r\n1234\r\n$0\r\n\r\n+end\r\n");

	ck_assert_str_eq(heard, "['12345678' of 9 '1234567' '1' of 4 ['1234'] '']\n+end\n");
}
END_TEST

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

static const int lengths[] = {1, FRAME_ARRAY_MAX - 1, FRAME_ARRAY_MAX, FRAME_ARRAY_MAX + 1, 100000};

START_TEST(an_array_keeps_its_first_elements)
{
	int kept = lengths[_i] < FRAME_ARRAY_MAX ? lengths[_i] : FRAME_ARRAY_MAX;
	char end[32];

	feed_numbers(lengths[_i]);
	ck_assert_int_eq(progress, FRAME_WHOLE);
	feed_text("+end\r\n");

	snprintf(end, sizeof end, "%s%d]\n+end\n", kept > 1 ? " :" : ":", kept);
	ck_assert_str_eq(heard + strlen(heard) - strlen(end), end);
	ck_assert_int_eq(memcmp(heard, "[:1", 3), 0);
}
END_TEST

/* Whatever it is: arrays in arrays, nothing, long texts. */
START_TEST(what_an_array_drops_is_no_part_of_the_reply)
{
	feed_text("*2\r\n*1026\r\n");
	for (int i = 0; i < FRAME_ARRAY_MAX; i++)
		feed_text("*0\r\n");
	feed_text("*3\r\n*2\r\n$20\r\n12345678901234567890\r\n$0\r\n\r\n*0\r\n$-1\r\n");
	feed_text("*1\r\n*-1\r\n");
	ck_assert_uint_eq(frame.cut_from, 0);
	feed_text("$3\r\nend\r\n+next\r\n");

	ck_assert_ptr_nonnull(strstr(heard, "[] []] 'end']\n+next\n"));
	ck_assert_ptr_null(strstr(heard, "123"));
}
END_TEST

START_TEST(arrays_nest_to_a_depth)
{
	for (int i = 0; i < FRAME_DEPTH_MAX; i++)
		feed_text("*1\r\n");
	feed_text(":1\r\n");
	ck_assert_str_eq(heard, "[[[[[[[:1]]]]]]]\n");

	for (int i = 0; i <= FRAME_DEPTH_MAX; i++)
		feed_text("*1\r\n");
	ck_assert_int_eq(progress, FRAME_BROKEN);
	ck_assert_ptr_nonnull(strstr(frame.defect, "nested too deeply"));
}
END_TEST

START_TEST(a_frame_of_arrays_without_end_is_not_kept)
{
	feed_text("*128\r\n");
	for (int i = 0; i < 128 && progress != FRAME_BROKEN; i++) {
		feed_text("*128\r\n");
		for (int j = 0; j < 128 && progress != FRAME_BROKEN; j++)
			feed_numbers(128);
	}

	ck_assert_int_eq(progress, FRAME_BROKEN);
	ck_assert_ptr_nonnull(strstr(frame.defect, "too large"));
}
END_TEST

/* What it took is given back: a stream of any length takes as much as its largest frame. */
START_TEST(a_frame_is_gone_when_the_next_begins)
{
	size_t footprint;

	feed_text("*2\r\n$8\r\n12345678\r\n:1\r\n");
	footprint = arena_footprint(arena);
	for (int i = 0; i < 1000; i++)
		feed_text("*2\r\n$8\r\n12345678\r\n:1\r\n");

	ck_assert_uint_eq(arena_footprint(arena), footprint);
}
END_TEST

static const struct {
	const char *line;
	const char *heard;
} numbers[] = {
	{":0\r\n", ":0\n"},
	{":-0\r\n", ":0\n"},
	{":9223372036854775807\r\n", ":9223372036854775807\n"},
	{":-9223372036854775808\r\n", ":-9223372036854775808\n"},
};

START_TEST(numbers_have_64_bits)
{
	feed_text(numbers[_i].line);

	ck_assert_str_eq(heard, numbers[_i].heard);
}
END_TEST

/* ---- the bad ---- */

static const struct {
	const char *bytes;
	size_t size; /* 0: up to the NUL */
	const char *defect;
} hostile[] = {
	{"HTTP/1.1 400 Bad Request\r\n", 0, "no known type"},
	{"SSH-2.0-OpenSSH_9.2\r\n", 0, "no known type"},
	{"\0\0\0\0", 4, "no known type"},
	{"\x15\x03\x03", 0, "no known type"},
	{"\r\n", 0, "no known type"},
	{"_\r\n", 0, "no known type"},
	{"%1\r\n", 0, "no known type"},
	{"+OK\n", 0, "CR LF"},
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
	{"$9223372036854775807\r\n", 0, "length"},
	{"$99999999999999999999999999\r\n", 0, "length"},
	{"*-2\r\n", 0, "length"},
	{"*1e3\r\n", 0, "length"},
	{"*536870913\r\n", 0, "array"},
	{"*2147483647\r\n", 0, "array"},
	{"*4294967297\r\n", 0, "array"},
	{"*1099511627776\r\n", 0, "array"},
	{":\r\n", 0, "number"},
	{":-\r\n", 0, "number"},
	{":1x\r\n", 0, "number"},
	{":+1\r\n", 0, "number"},
	{":9223372036854775808\r\n", 0, "number"},
	{":-9223372036854775809\r\n", 0, "number"},
	{"*2\r\n:1\r\n:x\r\n", 0, "number"},
	{"$1\r\n12\r\n", 0, "end"},
	{"$1\r\n1\n\r", 0, "end"},
	{"$0\r\n0\r\n", 0, "end"},
	{"$9\r\n1234567890\r\n", 0, "end"},
	{"*2\r\n:1\r\nx", 0, "no known type"},
};

START_TEST(what_is_no_resp_breaks_the_stream)
{
	feed(hostile[_i].bytes, hostile[_i].size ? hostile[_i].size : strlen(hostile[_i].bytes));

	ck_assert_int_eq(progress, FRAME_BROKEN);
	ck_assert_msg(strstr(frame.defect, hostile[_i].defect), "%s", frame.defect);
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(a_broken_stream_stays_broken)
{
	feed_text("x");
	progress = FRAME_MORE;
	feed_text("+OK\r\n");

	ck_assert_int_eq(progress, FRAME_BROKEN);
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(a_line_that_never_ends_is_not_kept)
{
	feed_text("+");
	for (int i = 0; i < FRAME_LINE_MAX - 3; i++)
		feed_text("x");
	ck_assert_int_eq(progress, FRAME_MORE);
	feed_text("xx");
	ck_assert_int_eq(progress, FRAME_MORE);

	feed_text("x");

	ck_assert_int_eq(progress, FRAME_BROKEN);
	ck_assert_ptr_nonnull(strstr(frame.defect, "line"));
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
		teardown();
		setup();
		for (size_t at = 0, taken; at < sizeof bytes && progress != FRAME_BROKEN; at += taken) {
			taken = 0;
			progress = frame_feed(&frame, bytes + at, sizeof bytes - at, &taken);
			if (progress == FRAME_WHOLE)
				hear_frame();
			ck_assert(taken > 0 || progress == FRAME_BROKEN);
		}
	}
}
END_TEST

SUITE("redis frame", setup, teardown)
{
	tcase_add_test(tests, frames_come_one_by_one);
	tcase_add_test(tests, it_does_not_matter_where_the_stream_is_split);
	tcase_add_loop_test(tests, pieces_may_be_of_any_size, 1, 20);
	tcase_add_test(tests, a_whole_frame_is_told_before_what_follows_is_looked_at);
	tcase_add_test(tests, a_bulk_string_of_gigabytes_is_not_kept);
	tcase_add_test(tests, the_true_size_of_the_last_that_was_shortened_is_of_this_frame_only);
	tcase_add_test(tests, each_bulk_string_has_its_true_size);
	tcase_add_test(tests, the_bulk_strings_of_an_array_share_what_they_keep);
	tcase_add_loop_test(tests, an_array_keeps_its_first_elements, 0, COUNT(lengths));
	tcase_add_test(tests, what_an_array_drops_is_no_part_of_the_reply);
	tcase_add_test(tests, arrays_nest_to_a_depth);
	tcase_add_test(tests, a_frame_of_arrays_without_end_is_not_kept);
	tcase_add_test(tests, a_frame_is_gone_when_the_next_begins);
	tcase_add_loop_test(tests, numbers_have_64_bits, 0, COUNT(numbers));
	tcase_add_loop_test(tests, what_is_no_resp_breaks_the_stream, 0, COUNT(hostile));
	tcase_add_test(tests, a_broken_stream_stays_broken);
	tcase_add_test(tests, a_line_that_never_ends_is_not_kept);
	tcase_add_loop_test(tests, random_bytes_do_no_harm, 0, 8);
}
