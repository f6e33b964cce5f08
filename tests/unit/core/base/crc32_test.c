/* Publishers in other languages compute the same numbers, so they must never change. */
#include "core/base/crc32.h"

#include "support/suites.h"

static const struct {
	const char *text;
	uint32_t crc;
} known[] = {
	{"", 0},
	{"123456789", 0xcbf43926}, /* the check value of CRC-32/ISO-HDLC in the catalogue of CRCs */
	{"lamp", 0x99f75266},
	{"\xe6\xa4\x85\xe5\xad\x90", 0x6a7065c8},
};

START_TEST(the_crc_of_a_text_is_that_of_zlib)
{
	ck_assert_uint_eq(crc32_of(known[_i].text), known[_i].crc);
}
END_TEST

SUITE("crc32")
{
	tcase_add_loop_test(tests, the_crc_of_a_text_is_that_of_zlib, 0, COUNT(known));
}
