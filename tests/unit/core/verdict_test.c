/* Verdicts in words: they are in dead letters and HTTP answers. */
#include "core/verdict.h"

#include "support/suites.h"

static const struct {
	enum verdict verdict;
	const char *reason;
} reasons[] = {
	{ACCEPTED, "accepted"},
	{SKIP_DUPLICATE, "duplicate"},
	{SKIP_OUT_OF_DATE, "out of date"},
	{SKIP_NOT_ALLOCATED, "not allocated"},
	{REJECT_INVALID_SKU, "invalid sku"},
	{REJECT_UNKNOWN_BATCH, "unknown batch"},
	{REJECT_BATCHREF_TAKEN, "batch reference taken"},
	{REJECT_ID_REUSED, "id reused"},
	{NEEDS_MORE, "needs more"},
};

START_TEST(every_verdict_has_a_text)
{
	ck_assert_str_eq(verdict_reason(reasons[_i].verdict), reasons[_i].reason);
}
END_TEST

SUITE("verdict")
{
	tcase_add_loop_test(tests, every_verdict_has_a_text, 0, COUNT(reasons));
}
