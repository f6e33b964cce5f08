/* Verdicts in words: they are in dead letters and HTTP answers. */
#include "core/verdict.h"

#include "suites.h"

static const struct {
	enum verdict verdict;
	const char *reason;
} reasons[] = {
	{ACCEPTED, "accepted"},
	{SKIP_DUPLICATE, "duplicate"},
	{SKIP_OUT_OF_DATE, "out of date"},
	{REJECT_INVALID_SKU, "invalid sku"},
	{REJECT_UNKNOWN_BATCH, "unknown batch"},
	{REJECT_BATCHREF_TAKEN, "batch reference taken"},
	{REJECT_ID_REUSED, "id reused"},
	{NEEDS_MORE, "needs more"},
};

START_TEST(every_verdict_has_its_words)
{
	ck_assert_str_eq(verdict_reason(reasons[_i].verdict), reasons[_i].reason);
}
END_TEST

Suite *verdict_suite(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tests = tcase_create("verdict");

	tcase_add_loop_test(tests, every_verdict_has_its_words, 0, COUNT(reasons));
	suite_add_tcase(suite, tests);
	return suite;
}
