/* The suites of the Redis adapter on real servers, one a file. */
#ifndef ALLOCD_TESTS_INTEGRATION_REDIS_SUITES_H
#define ALLOCD_TESTS_INTEGRATION_REDIS_SUITES_H

#include <check.h>

Suite *addresses_suite(void);
Suite *call_suite(void);
Suite *connection_suite(void);
Suite *failover_suite(void);
Suite *given_server_suite(void);
Suite *heartbeat_suite(void);
Suite *patience_suite(void);
Suite *publisher_suite(void);
Suite *stream_entries_suite(void);
Suite *stream_losses_suite(void);
Suite *stream_suite(void);
Suite *subscriber_suite(void);
Suite *tls_suite(void);

#endif
