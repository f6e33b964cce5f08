/* What becomes of commands: their answers, how long reads are remembered, and the names of operators. */
#include "entrypoints/http_admin/admin_operator.h"
#include "entrypoints/http_admin/admin_tasks.h"
#include "support/suites.h"

#include <string.h>

static const struct {
	struct child_end end;
	bool is_change;
	int status;
	const char *type, *message;
} answers[] = {
	{{.status = STATUS_USAGE, .error = "wrong"}, true, 400, PROBLEM_INVALID, "wrong"},
	{{.status = STATUS_TRY_AGAIN, .error = "away"}, true, 503, PROBLEM_DATABASE_AWAY, "away"},
	{{.status = STATUS_REFUSED, .error = "refused"}, true, 500, PROBLEM_INTERNAL, "refused"},
	{{.status = STATUS_REFUSED, .error = ""}, true, 500, PROBLEM_INTERNAL, "see the log"},
	{{.status = CHILD_CANNOT_RUN, .error = "no"}, true, 503, PROBLEM_CANNOT_RUN, "no"},
	{{.status = -1, .error = "x"}, true, 503, PROBLEM_LATE, "Perhaps done"},
	{{.status = -1, .error = "x", .was_stopped = true}, true, 503, PROBLEM_LATE, "Perhaps done"},
	{{.status = -1, .cut = CHILD_WAS_LATE, .error = ""}, true, 503, PROBLEM_LATE, "Perhaps done"},
	{{.status = 0, .cut = CHILD_WAS_LATE, .error = ""}, true, 503, PROBLEM_LATE, "Perhaps done"},
	{{.status = -1, .cut = CHILD_WAS_LATE, .error = ""}, false, 503, PROBLEM_LATE, "retry later"},
	{{.status = -1, .cut = CHILD_WAS_TOO_LONG, .error = ""}, false, 500, PROBLEM_INTERNAL, "too large"},
};

START_TEST(a_command_that_failed_is_answered_by_how_it_ended)
{
	struct http_refusal refusal = admin_refusal_of(&answers[_i].end, answers[_i].is_change);

	ck_assert_int_eq(refusal.status, answers[_i].status);
	ck_assert_str_eq(refusal.type, answers[_i].type);
	ck_assert_msg(strstr(refusal.message, answers[_i].message), "%s", refusal.message);
}
END_TEST

static const struct {
	struct child_end end;
	int64_t took_ms, remembered_ms;
} reads[] = {
	{{.status = STATUS_DONE}, 10, 1000},
	{{.status = STATUS_DONE}, 500, 2500},
	{{.status = STATUS_DONE}, 4400, 5000},
	{{.status = STATUS_FAILED}, 4400, 1000},
	{{.status = STATUS_TRY_AGAIN}, 4400, 1000},
	{{.status = -1}, 4400, 1000},
	{{.status = -1, .cut = CHILD_WAS_TOO_LONG}, 10, 0},
};

START_TEST(a_read_is_remembered_for_seconds_and_a_failed_one_for_one_second)
{
	ck_assert_int_eq(admin_remembered_ms(&reads[_i].end, reads[_i].took_ms), reads[_i].remembered_ms);
}
END_TEST

static const struct {
	const char *given, *operator;
} operators[] = {
	{NULL, "page:unknown@192.0.2.1"},
	{"ann%20lee", "page:ann lee@192.0.2.1"},
	{"", NULL},
	{"%0a", NULL},
	{"%ff", NULL},
	{"ann@192.0.2.9", NULL},
	{"ann%40192.0.2.9", NULL},
	{"0123456789012345678901234567890123456789012345678901234567890123",
	 "page:0123456789012345678901234567890123456789012345678901234567890123@192.0.2.1"},
	{"01234567890123456789012345678901234567890123456789012345678901234", NULL},
};

START_TEST(an_operator_has_a_name_and_the_address_of_the_request)
{
	struct arena *arena = arena_new(256);
	const char *name = admin_operator(operators[_i].given, "192.0.2.1", arena);

	ck_assert_pstr_eq(name, operators[_i].operator);
	arena_free(&arena);
}
END_TEST

SUITE("admin tasks", NULL, NULL)
{
	tcase_add_loop_test(tests, a_command_that_failed_is_answered_by_how_it_ended, 0, COUNT(answers));
	tcase_add_loop_test(tests, a_read_is_remembered_for_seconds_and_a_failed_one_for_one_second, 0,
			    COUNT(reads));
	tcase_add_loop_test(tests, an_operator_has_a_name_and_the_address_of_the_request, 0,
			    COUNT(operators));
}
