/* The suites of the in-memory adapters. */
#ifndef ALLOCD_TESTS_MEMORY_SUITES_H
#define ALLOCD_TESTS_MEMORY_SUITES_H

#include <check.h>

Suite *loop_suite(void);
Suite *broker_suite(void);
Suite *codec_suite(void);
Suite *database_suite(void);
Suite *stream_suite(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
