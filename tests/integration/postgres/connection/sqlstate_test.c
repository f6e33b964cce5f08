/* The meaning of Postgres' error codes. */
#include "adapters/postgres/connection/sqlstate.h"

#include "database.h"
#include "support/suites.h"

static const struct {
	const char *sqlstate;
	const char *constraint;
	enum failure_kind kind;
} meanings[] = {
	/* Our own guard, and conflicts that Postgres resolves by failing one of two transactions. */
	{"ZR001", NULL, FAILURE_CONFLICT},
	{"ZR002", NULL, FAILURE_CONFLICT},
	{"40001", NULL, FAILURE_CONFLICT},
	{"40P01", NULL, FAILURE_CONFLICT},
	/* Keys that two workers may both create. */
	{"23505", "inbox_pkey", FAILURE_CONFLICT},
	{"23505", "products_sku_key", FAILURE_CONFLICT},
	{"23505", "batches_reference_key", FAILURE_CONFLICT},
	{"23505", "order_lines_pkey", FAILURE_CONFLICT},
	{"23505", "displaced_lines_pkey", FAILURE_CONFLICT},
	{"23505", "shrinks_pkey", FAILURE_CONFLICT},
	{"23505", "allocations_view_pkey", FAILURE_CONFLICT},
	{"23505", "outbox_version_key", FAILURE_CONFLICT},
	{"23505", "dead_letter_history_pkey", FAILURE_CONFLICT},
	/* This unit was committed, or never can be: resolving the commit shows which. */
	{"23505", "units_pkey", FAILURE_UNCERTAIN},
	/* Any other key, and invalid data. */
	{"23505", "somebody_elses_key", FAILURE_DATA},
	{"23505", NULL, FAILURE_DATA},
	{"23514", "batches_allocated", FAILURE_DATA},
	{"23502", NULL, FAILURE_DATA},
	{"22021", NULL, FAILURE_DATA},
	{"22003", NULL, FAILURE_DATA},
	{"54000", NULL, FAILURE_DATA},
	{"P0001", NULL, FAILURE_DATA},
	{"XX000", NULL, FAILURE_DATA},
	/* The infrastructure. */
	{"08000", NULL, FAILURE_RETRY},
	{"08001", NULL, FAILURE_RETRY},
	{"08003", NULL, FAILURE_RETRY},
	{"08006", NULL, FAILURE_RETRY},
	{"08P01", NULL, FAILURE_RETRY},
	{"53000", NULL, FAILURE_RETRY},
	{"53100", NULL, FAILURE_RETRY},
	{"53200", NULL, FAILURE_RETRY},
	{"53300", NULL, FAILURE_RETRY},
	{"53400", NULL, FAILURE_RETRY},
	{"55P03", NULL, FAILURE_BUSY},
	{"57014", NULL, FAILURE_BUSY},
	{"57P01", NULL, FAILURE_RETRY},
	{"57P02", NULL, FAILURE_RETRY},
	{"57P03", NULL, FAILURE_RETRY},
	{"57P04", NULL, FAILURE_RETRY},
	{"57P05", NULL, FAILURE_RETRY},
	{"58030", NULL, FAILURE_RETRY},
	{"25006", NULL, FAILURE_RETRY},
	{"28P01", NULL, FAILURE_RETRY},
	{"42P01", NULL, FAILURE_RETRY},
	{"42501", NULL, FAILURE_RETRY},
	{"0A000", NULL, FAILURE_RETRY},
	{"XX001", NULL, FAILURE_RETRY},
	{NULL, NULL, FAILURE_RETRY},
};

START_TEST(each_sqlstate_has_the_kind_of_failure_that_says_what_to_do)
{
	ck_assert_msg(sqlstate_kind(meanings[_i].sqlstate, meanings[_i].constraint) == meanings[_i].kind,
		      "%s %s", meanings[_i].sqlstate, meanings[_i].constraint);
}
END_TEST

static const struct {
	const char *sqlstate;
	bool ends;
} endings[] = {
	{"0A000", true},  {"25006", true},  {"26000", true},  {"42P01", true}, {"42703", true},
	{"23505", false}, {"40P01", false}, {"55P03", false}, {NULL, false},
};

START_TEST(a_session_that_no_longer_fits_the_schema_is_given_up)
{
	ck_assert_int_eq(sqlstate_ends_session(endings[_i].sqlstate), endings[_i].ends);
}
END_TEST

SUITE("sqlstate", .only_if = database_is_direct)
{
	tcase_add_loop_test(tests, each_sqlstate_has_the_kind_of_failure_that_says_what_to_do, 0,
			    (int)(sizeof meanings / sizeof meanings[0]));
	tcase_add_loop_test(tests, a_session_that_no_longer_fits_the_schema_is_given_up, 0,
			    (int)(sizeof endings / sizeof endings[0]));
}
