/* The suites of the codec, one a file. */
#ifndef ALLOCD_TESTS_CODEC_SUITES_H
#define ALLOCD_TESTS_CODEC_SUITES_H

#include <check.h>

Suite *cloudevents_suite(void);
Suite *edit_suite(void);
Suite *encode_suite(void);
Suite *fields_suite(void);
Suite *json_members_suite(void);
Suite *json_suite(void);
Suite *messagepack_suite(void);
Suite *operator_suite(void);
Suite *traceparent_suite(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
