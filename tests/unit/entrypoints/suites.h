/* The suites of entrypoints, one a file. */
#ifndef ALLOCD_TESTS_ENTRYPOINTS_SUITES_H
#define ALLOCD_TESTS_ENTRYPOINTS_SUITES_H

#include <check.h>

Suite *answer_suite(void);
Suite *bench_suite(void);
Suite *config_suite(void);
Suite *consumer_suite(void);
Suite *dead_letter_suite(void);
Suite *http_gate_suite(void);
Suite *http_listener_suite(void);
Suite *http_reader_property_suite(void);
Suite *http_reader_suite(void);
Suite *http_strict_suite(void);
Suite *http_suite(void);
Suite *metrics_suite(void);
Suite *options_suite(void);
Suite *patience_suite(void);
Suite *program_suite(void);
Suite *quiet_suite(void);
Suite *rehearsal_suite(void);
Suite *secret_file_suite(void);
Suite *secrets_suite(void);
Suite *text_suite(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
