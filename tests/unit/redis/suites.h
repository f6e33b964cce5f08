/* The suites of the Redis adapter that need no Redis, one a file. */
#ifndef ALLOCD_TESTS_REDIS_SUITES_H
#define ALLOCD_TESTS_REDIS_SUITES_H

#include <check.h>

Suite *command_suite(void);
Suite *entries_suite(void);
Suite *frame_suite(void);
Suite *handshake_suite(void);
Suite *refusal_suite(void);
Suite *requests_suite(void);
Suite *server_suite(void);
Suite *standing_suite(void);
Suite *url_suite(void);

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
