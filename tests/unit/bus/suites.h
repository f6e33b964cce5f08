/* The suites of bus, one a file. */
#ifndef ALLOCD_TESTS_BUS_SUITES_H
#define ALLOCD_TESTS_BUS_SUITES_H

#include <check.h>

Suite *commands_suite(void);

#endif
