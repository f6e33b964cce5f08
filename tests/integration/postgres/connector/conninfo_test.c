/* Connection strings are accepted, except those that libpq would read differently than they look. */
#include "adapters/postgres/postgres.h"

#include "database.h"
#include "support/suites.h"

#include <string.h>

static const char *const accepted[] = {
	"postgresql:///allocd",
	"postgres://h",
	"postgresql://u:pw@h:5432/d?sslmode=require",
	"postgresql://u:p%40w%2Fx%23y%3Fz@h/d",
	"postgresql://u:p:w@h/d",
	"postgresql://u@h1:1,h2:2/d?target_session_attrs=read-write",
	"postgresql://[::1]:5432/d",
	"postgresql://%2Frun%2Fpostgresql/d",
	"postgresql:///d?host=%40abstract",
	"postgresql:///d?host=/run/postgresql&port=5433",
	"host=h1,h2 port=1,2 dbname=d",
	"host=@abstract dbname=d",
	"user=me@azure host=h password=p@w/x#y?z",
	"password='p://x&y' host=h",
	"allocd",
	"allocd-2.test",
	"",
};

/* "SEC" and "RET" stand for parts of a password. */
static const char *const refused[] = {
	"postgresql://u:SEC@RET/x@h/d",
	"postgresql://u:SEC@RET/x@/d?host=/run",
	"postgresql://u:4711/SECRET@h:5432/d",
	"postgresql://u:SEC/RET@h/d",
	"postgresql://u:SEC@RET@h/d",
	"postgresql://u:SEC#RET@h/d",
	"postgresql://u:SEC?RET@h/d",
	"postgresql://u:SEC?host=RET@h/d",
	"postgresql://u:SEC%zzRET@h/d",
	"postgresql://u:@SECRET@h/d",
	"postgresql://h?password=SEC@RET",
	"postgresql://h/d?password=SEC@RET",
	"postgresql://h/d?password=SEC#RET",
	"postgresql://h/d?password=SEC&RET",
	"postgresql://h/SEC@RET",
	"postgresql://h:SECRET/d",
	"postgresql+psycopg2://u:SECRET@h/d",
	"postgresql+asyncpg://u:SECRET@h/d?ssl=require",
	"POSTGRES://u:SECRET@h/d",
	"Postgresql://u:SECRET@h/d?sslmode=require",
	"jdbc:postgresql://h/d?user=u&password=SECRET",
	"postgresql:/u:SECRET@h/d",
	"mysql://u:SECRET@h/d",
	"u:SECRET@h/d",
	"//u:SECRET@h/d",
	"host=h password=SEC RET",
	"host=h PASSWORD=SECRET",
	"host=h dbname=postgresql://u:SECRET@h2/d",
	"host=u:SECRET@h",
	"host=postgresql://u:SECRET",
	"host=h password='SECRET",
};

START_TEST(a_connection_string_that_reads_as_it_looks_is_accepted)
{
	ck_assert_pstr_eq(postgres_conninfo_defect(accepted[_i]), NULL);
}
END_TEST

START_TEST(a_connection_string_that_libpq_reads_otherwise_is_refused_without_repeating_it)
{
	const char *defect = postgres_conninfo_defect(refused[_i]);

	ck_assert_ptr_nonnull(defect);
	ck_assert_ptr_null(strstr(defect, "SEC"));
	ck_assert_ptr_null(strstr(defect, "RET"));
}
END_TEST

SUITE("connection strings", .only_if = database_is_direct)
{
	tcase_add_loop_test(tests, a_connection_string_that_reads_as_it_looks_is_accepted, 0,
			    sizeof accepted / sizeof accepted[0]);
	tcase_add_loop_test(tests,
			    a_connection_string_that_libpq_reads_otherwise_is_refused_without_repeating_it, 0,
			    sizeof refused / sizeof refused[0]);
}
