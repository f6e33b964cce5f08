/* The suites of core, one a file. */
#ifndef ALLOCD_TESTS_CORE_SUITES_H
#define ALLOCD_TESTS_CORE_SUITES_H

#include <check.h>

Suite *arena_suite(void);
Suite *calendar_suite(void);
Suite *decimal_suite(void);
Suite *field_suite(void);
Suite *hash_suite(void);
Suite *journal_suite(void);
Suite *message_suite(void);
Suite *partition_suite(void);
Suite *product_suite(void);
Suite *utf8_suite(void);
Suite *verdict_suite(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
