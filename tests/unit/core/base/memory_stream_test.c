/* What is written to a memory stream is its text. */
#include "core/base/memory_stream.h"

#include "support/suites.h"

#include <stdlib.h>
#include <string.h>

static char *text;
static size_t size;

static void free_text(void)
{
	free(text);
}

static const size_t sizes[] = {0, 1, 1023, 1024, 1025, 8192, 100000};

START_TEST(all_that_is_written_is_in_the_text)
{
	FILE *out = memory_stream_open(&text, &size);

	for (size_t i = 0; i < sizes[_i]; i++)
		fputc('a' + (int)(i % 26), out);

	ck_assert_int_eq(fclose(out), 0);
	ck_assert_uint_eq(size, sizes[_i]);
	ck_assert_uint_eq(strlen(text), size);
	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(text[i], 'a' + (int)(i % 26));
}
END_TEST

START_TEST(a_nul_is_a_byte_as_any_other)
{
	FILE *out = memory_stream_open(&text, &size);

	fwrite("a\0b", 1, 3, out);
	fclose(out);

	ck_assert_uint_eq(size, 3);
	ck_assert_mem_eq(text, "a\0b", 4);
}
END_TEST

SUITE("memory stream", NULL, free_text)
{
	tcase_add_loop_test(tests, all_that_is_written_is_in_the_text, 0, COUNT(sizes));
	tcase_add_test(tests, a_nul_is_a_byte_as_any_other);
}
