/* Commands on the wire. */
#include "adapters/redis/protocol/resp_writer.h"

#include "support/suites.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct evbuffer *out;

static void setup(void)
{
	out = evbuffer_new();
}

static void teardown(void)
{
	evbuffer_free(out);
}

static void assert_sent(const char *wire)
{
	ck_assert_uint_eq(evbuffer_get_length(out), strlen(wire));
	ck_assert_mem_eq(evbuffer_pullup(out, -1), wire, strlen(wire));
}

START_TEST(a_command_is_an_array_of_bulk_strings)
{
	resp_append_command(out, (struct bytes[]){bytes_of("SET"), bytes_of("key"), bytes_of("")}, 3);

	assert_sent("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}
END_TEST

START_TEST(an_argument_of_a_command_may_be_empty_or_hold_any_bytes)
{
	struct bytes arguments[] = {{"P\r\n\0", 4}, {NULL, 0}, {"%s\n", 3}};

	resp_append_command(out, arguments, 3);

	ck_assert_mem_eq(evbuffer_pullup(out, -1), "*3\r\n$4\r\nP\r\n\0\r\n$0\r\n\r\n$3\r\n%s\n\r\n", 29);
	ck_assert_uint_eq(evbuffer_get_length(out), 29);
}
END_TEST

START_TEST(an_argument_without_bytes_is_empty)
{
	resp_add_argument(out, (struct bytes){NULL, 0});
	resp_add_argument(out, bytes_of(NULL));

	assert_sent("$0\r\n\r\n$0\r\n\r\n");
}
END_TEST

START_TEST(a_number_is_sent_as_a_bulk_string)
{
	resp_begin_command(out, 2);
	resp_add_number(out, INT64_MAX);
	resp_add_number(out, -1);

	assert_sent("*2\r\n$19\r\n9223372036854775807\r\n$2\r\n-1\r\n");
}
END_TEST

START_TEST(an_argument_may_be_of_any_size)
{
	size_t size = (size_t)_i;
	char *text = malloc(size + 32), *data = malloc(size);

	memset(data, 'x', size);
	resp_add_argument(out, (struct bytes){data, size});

	snprintf(text, size + 32, "$%zu\r\n%.*s\r\n", size, _i, data);
	assert_sent(text);
	free(text);
	free(data);
}
END_TEST

SUITE("redis command", setup, teardown)
{
	tcase_add_test(tests, a_command_is_an_array_of_bulk_strings);
	tcase_add_test(tests, an_argument_of_a_command_may_be_empty_or_hold_any_bytes);
	tcase_add_test(tests, an_argument_without_bytes_is_empty);
	tcase_add_test(tests, a_number_is_sent_as_a_bulk_string);
	tcase_add_loop_test(tests, an_argument_may_be_of_any_size, 500, 520);
}
