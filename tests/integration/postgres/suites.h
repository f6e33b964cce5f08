/* The suites of the Postgres adapter, beside the one that every store runs. */
#ifndef ALLOCD_TESTS_POSTGRES_SUITES_H
#define ALLOCD_TESTS_POSTGRES_SUITES_H

#include <check.h>

Suite *sqlstate_suite(void);

#endif
