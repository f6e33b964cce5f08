/* Each request is read in exactly one way, in pieces of any size. */
#include "entrypoints/http_server/http_reader.h"
#include "support/suites.h"

#include "core/base/arena.h"

#include <stdlib.h>
#include <string.h>

static struct http_reader reader;
static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(65536);
	http_reader_init(&reader);
}

static void tear_down(void)
{
	http_reader_release(&reader);
	arena_free(&arena);
}

#define POST "POST /allocate HTTP/1.1\r\nHost: localhost\r\n"
#define GET  "GET /livez HTTP/1.1\r\nHost: localhost\r\n"
#define NONE "Content-Length: 0\r\n\r\n" /* the end of a head without a body */

static enum http_stage add(const char *text)
{
	http_reader_add(&reader, text, strlen(text));
	return http_reader_advance(&reader);
}

/* The whole request, as evhttp receives it. */
static const char *request(void)
{
	struct bytes head, body;

	ck_assert_int_eq(reader.stage, HTTP_WHOLE);
	http_reader_request(&reader, &head, &body);
	return arena_printf(arena, "%.*s%.*s", (int)head.size, (const char *)head.data, (int)body.size,
			    (const char *)body.data);
}

/* ---- requests that are served, and how they are rewritten ---- */

static const struct {
	const char *bytes, *request;
} served[] = {
	{GET "\r\n", GET NONE},
	{"\r\n" GET "\r\n", GET NONE},
	{"get /livez HTTP/1.0\r\n\r\n", "get /livez HTTP/1.0\r\n" NONE},
	{GET "Accept:text/plain\r\nCookie: \t a \t\r\n\r\n", GET "Accept: text/plain\r\nCookie: a\r\n" NONE},
	{GET "X-Empty:\r\nX-Name: \xc3\xa9\r\n\r\n", GET "X-Empty: \r\nX-Name: \xc3\xa9\r\n" NONE},
	{"GET /allocations/\xc3\xa9 HTTP/1.1\r\nHost:\r\n\r\n",
	 "GET /allocations/\xc3\xa9 HTTP/1.1\r\nHost: \r\n" NONE},
	{"GET http://LOCALHOST/livez HTTP/1.1\r\nHost: localhost\r\n\r\n", GET NONE},
	{"GET http://localhost?a HTTP/1.1\r\nHost: localhost\r\n\r\n",
	 "GET /?a HTTP/1.1\r\nHost: localhost\r\n" NONE},
	{"OPTIONS * HTTP/1.1\r\nHost: [::1]:5005\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: [::1]:5005\r\n" NONE},
	{POST "Content-Length: 2\r\n\r\n{}", POST "Content-Length: 2\r\n\r\n{}"},
	{POST "content-length: 002\r\n\r\n{}", POST "Content-Length: 2\r\n\r\n{}"},
	{POST "\r\n", POST "Content-Length: 0\r\n\r\n"},
	{POST "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", POST "Content-Length: 2\r\n\r\n{}"},
	{POST "Transfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\n{\r\n01 ;c\r\n}\r\n000;\r\nX: a\r\n\r\n", NULL},
	{POST "Transfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\n{\r\n01;c\r\n}\r\n000;\r\nX: a\r\n\r\n",
	 POST "Content-Length: 2\r\n\r\n{}"},
	{POST "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n",
	 POST "Content-Length: 21\r\n\r\n01234567890123456789a"},
	{POST
	 "TE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}",
	 POST "Content-Length: 2\r\n\r\n{}"},
	{GET "Content-Length: 2\r\n\r\n{}", GET NONE},
	{GET "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", GET NONE},
};

START_TEST(each_request_is_rewritten_in_one_form)
{
	add(served[_i].bytes);

	if (served[_i].request)
		ck_assert_str_eq(request(), served[_i].request);
	else
		ck_assert_int_eq(reader.stage, HTTP_REFUSED);
}
END_TEST

START_TEST(a_request_split_at_any_byte_is_read_as_the_same_request)
{
	char byte[2] = "";

	for (const char *at = served[_i].bytes; *at; at++) {
		byte[0] = *at;
		add(byte);
	}

	if (served[_i].request)
		ck_assert_str_eq(request(), served[_i].request);
	else
		ck_assert_int_eq(reader.stage, HTTP_REFUSED);
}
END_TEST

START_TEST(a_request_begins_where_the_last_one_ended)
{
	add(POST "Content-Length: 2\r\n\r\n{}" GET "\r\n" POST
		 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET);

	ck_assert_str_eq(request(), POST "Content-Length: 2\r\n\r\n{}");
	http_reader_next(&reader);
	http_reader_advance(&reader);
	ck_assert_str_eq(request(), GET NONE);
	http_reader_next(&reader);
	http_reader_advance(&reader);
	ck_assert_str_eq(request(), POST "Content-Length: 0\r\n\r\n");
	http_reader_next(&reader);
	ck_assert_int_eq(http_reader_advance(&reader), HTTP_HEAD);
	ck_assert_int_eq(add("\r\n"), HTTP_WHOLE);
	http_reader_next(&reader);
	ck_assert_ptr_null(reader.bytes);
}
END_TEST

/* ---- requests that are refused; the corpus of the end-to-end tests has more ---- */

static const struct {
	const char *bytes;
	int status;
} refused[] = {
	{POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n", 400},
	{POST "Content-Length: +2\r\n\r\n", 400},
	{POST "Content-Length: \r\n\r\n", 400},
	{POST "Content-Length: 65537\r\n\r\n", 413},
	{POST "Content-Length: 18446744073709551618\r\n\r\n", 413},
	{POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{POST "Transfer-Encoding: xchunked\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"POST /allocate HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n0x2\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413},
	{POST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413},
	{POST "Transfer-Encoding: chunked\r\n\r\n00000000000000001\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}X", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\rX", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n2\n", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 2\r\n", 400},
	{POST "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: other\r\n", 400},
	{POST "Content-Length: 2\r\nExpect: 200-ok\r\n\r\n", 417},
	{POST "Content-Length : 2\r\n\r\n", 400},
	{GET "X: a\r\n b\r\n\r\n", 400},
	{GET "X: a\rb\r\n\r\n", 400},
	{GET "X: a\n", 400},
	{"\n", 400},
	{"\r\n\r\n\r\n", 400},
	{"GET /livez HTTP/1.1\r\n\r\n", 400},
	{GET "Host: localhost\r\n\r\n", 400},
	{"GET http://other/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
	{"GET /livez HTTP/2.0\r\n\r\n", 505},
	{"GET /livez  HTTP/1.1\r\n\r\n", 400},
	{"GET /livez#a HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
	{"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
};

START_TEST(a_request_that_could_be_read_in_two_ways_is_refused)
{
	ck_assert_int_eq(add(refused[_i].bytes), HTTP_REFUSED);
	ck_assert_int_eq(reader.refusal->status, refused[_i].status);

	ck_assert_int_eq(add(GET "\r\n"), HTTP_REFUSED);
}
END_TEST

START_TEST(a_refused_head_request_is_known_as_a_head_request)
{
	add("HEAD /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");

	ck_assert_int_eq(reader.stage, HTTP_REFUSED);
	ck_assert(reader.head.is_head);
}
END_TEST

/* ---- bounds ---- */

static const char *repeated(char byte, size_t count)
{
	char *text = arena_alloc(arena, count + 1);

	memset(text, byte, count);
	return text;
}

START_TEST(a_head_over_16_kib_is_refused)
{
	size_t rest = HTTP_HEAD_MAX - strlen(GET "X: \r\n\r\n");

	ck_assert_int_eq(add(arena_printf(arena, GET "X: %s\r\n\r\n", repeated('a', rest))), HTTP_WHOLE);
	http_reader_next(&reader);
	add(arena_printf(arena, GET "X: %s\r\n\r\n", repeated('a', rest + 1)));
	ck_assert_int_eq(reader.stage, HTTP_REFUSED);
	ck_assert_int_eq(reader.refusal->status, 431);
}
END_TEST

START_TEST(an_endless_line_is_refused_at_the_bound)
{
	ck_assert_int_eq(add(repeated('a', HTTP_HEAD_MAX)), HTTP_HEAD);
	ck_assert_int_eq(add("a"), HTTP_REFUSED);
	ck_assert_int_eq(reader.refusal->status, 431);
}
END_TEST

static const struct {
	int fields;
	enum http_stage stage;
} field_counts[] = {{99, HTTP_WHOLE}, {100, HTTP_REFUSED}}; /* besides Host */

START_TEST(a_head_of_more_than_100_fields_is_refused)
{
	add(GET);
	for (int i = 0; i < field_counts[_i].fields; i++)
		add("X: a\r\n");

	ck_assert_int_eq(add("\r\n"), field_counts[_i].stage);
}
END_TEST

START_TEST(a_body_of_64_kib_is_read_whether_sized_or_chunked)
{
	const char *body = repeated('a', HTTP_BODY_MAX);
	const char *expected = arena_printf(arena, POST "Content-Length: 65536\r\n\r\n%s", body);

	add(expected);
	ck_assert_str_eq(request(), expected);
	http_reader_next(&reader);

	add(arena_printf(arena, POST "Transfer-Encoding: chunked\r\n\r\n10000\r\n%s\r\n0\r\n\r\n", body));
	ck_assert_str_eq(request(), expected);
	http_reader_next(&reader);

	add(POST "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < HTTP_BODY_MAX; i++)
		add("1;extension\r\na\r\n");
	add("0\r\n\r\n");
	ck_assert_str_eq(request(), expected);
	ck_assert_uint_lt(reader.room, 4 * HTTP_BODY_MAX);
}
END_TEST

START_TEST(chunks_over_64_kib_together_are_refused)
{
	add(POST "Transfer-Encoding: chunked\r\n\r\n");
	add(arena_printf(arena, "ffff\r\n%s\r\n", repeated('a', 0xffff)));
	ck_assert_int_eq(add("1\r\na\r\n"), HTTP_CHUNK_SIZE);

	ck_assert_int_eq(add("1\r\n"), HTTP_REFUSED);
	ck_assert_int_eq(reader.refusal->status, 413);
}
END_TEST

START_TEST(an_endless_chunk_size_is_refused_at_the_bound)
{
	add(POST "Transfer-Encoding: chunked\r\n\r\n1;");

	ck_assert_int_eq(add(repeated('a', 300)), HTTP_REFUSED);
}
END_TEST

/* Also where its CR arrives before its LF.  _i: how many bytes more. */
START_TEST(a_line_of_a_chunk_size_may_have_256_bytes)
{
	const char *line = arena_printf(arena, "1;%s\r\n", repeated('a', 254 + (size_t)_i));

	for (size_t split = 1; split <= strlen(line); split++) {
		add(POST "Transfer-Encoding: chunked\r\n\r\n");
		add(arena_text(arena, line, split));
		add(line + split);
		ck_assert_int_eq(reader.stage, _i ? HTTP_REFUSED : HTTP_CHUNK);
		http_reader_release(&reader);
		http_reader_init(&reader);
	}
}
END_TEST

START_TEST(trailers_over_16_kib_together_are_refused)
{
	add(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	for (size_t size = 0; size + 6 <= HTTP_HEAD_MAX; size += 6)
		ck_assert_int_eq(add("X: a\r\n"), HTTP_TRAILERS);

	ck_assert_int_eq(add("X: a\r\n"), HTTP_REFUSED);
}
END_TEST

/* ---- 100 Continue ---- */

START_TEST(a_client_that_waits_for_100_continue_gets_it_once)
{
	add(POST "Expect: 100-continue\r\nContent-Length: 2\r\n");
	ck_assert(!http_reader_must_ask(&reader));
	add("\r\n");
	ck_assert(http_reader_must_ask(&reader));
	ck_assert(!http_reader_must_ask(&reader));
	ck_assert_int_eq(add("{}"), HTTP_WHOLE);
}
END_TEST

static const char *const not_asked[] = {
	POST "Content-Length: 2\r\n\r\n",
	POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{",
	POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
	POST "Expect: 100-continue\r\nContent-Length: 400000\r\n\r\n",
	POST "Expect: 100-continue\r\n\r\n",
	"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
};

START_TEST(a_client_that_does_not_wait_gets_no_100_continue)
{
	add(not_asked[_i]);

	ck_assert(!http_reader_must_ask(&reader));
}
END_TEST

SUITE("http reader", set_up, tear_down)
{
	tcase_add_loop_test(tests, each_request_is_rewritten_in_one_form, 0, COUNT(served));
	tcase_add_loop_test(tests, a_request_split_at_any_byte_is_read_as_the_same_request, 0, COUNT(served));
	tcase_add_test(tests, a_request_begins_where_the_last_one_ended);
	tcase_add_loop_test(tests, a_request_that_could_be_read_in_two_ways_is_refused, 0, COUNT(refused));
	tcase_add_test(tests, a_refused_head_request_is_known_as_a_head_request);
	tcase_add_test(tests, a_head_over_16_kib_is_refused);
	tcase_add_test(tests, an_endless_line_is_refused_at_the_bound);
	tcase_add_loop_test(tests, a_head_of_more_than_100_fields_is_refused, 0, COUNT(field_counts));
	tcase_add_test(tests, a_body_of_64_kib_is_read_whether_sized_or_chunked);
	tcase_add_test(tests, chunks_over_64_kib_together_are_refused);
	tcase_add_test(tests, an_endless_chunk_size_is_refused_at_the_bound);
	tcase_add_loop_test(tests, a_line_of_a_chunk_size_may_have_256_bytes, 0, 2);
	tcase_add_test(tests, trailers_over_16_kib_together_are_refused);
	tcase_add_test(tests, a_client_that_waits_for_100_continue_gets_it_once);
	tcase_add_loop_test(tests, a_client_that_does_not_wait_gets_no_100_continue, 0, COUNT(not_asked));
}
