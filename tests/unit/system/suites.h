/* The suites of the system adapter, one a file. */
#ifndef ALLOCD_TESTS_SYSTEM_SUITES_H
#define ALLOCD_TESTS_SYSTEM_SUITES_H

#include <check.h>

Suite *clock_suite(void);
Suite *descriptors_suite(void);
Suite *log_line_suite(void);
Suite *log_notifier_suite(void);
Suite *logger_suite(void);
Suite *random_suite(void);
Suite *resolver_suite(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
