/* The suites of bus, one a file. */
#ifndef ALLOCD_TESTS_BUS_SUITES_H
#define ALLOCD_TESTS_BUS_SUITES_H

#include <check.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *blindness_suite(void);
Suite *commands_suite(void);
Suite *conflict_suite(void);
Suite *ids_suite(void);
Suite *lane_suite(void);
Suite *log_limiter_suite(void);
Suite *needs_suite(void);
Suite *notifications_suite(void);
Suite *parking_suite(void);
Suite *parts_suite(void);
Suite *postponing_suite(void);
Suite *product_image_suite(void);
Suite *publisher_suite(void);
Suite *refusal_suite(void);
Suite *housekeeper_suite(void);
Suite *remembering_suite(void);
Suite *replay_suite(void);
Suite *shrink_suite(void);
Suite *standing_suite(void);
Suite *stream_chaos_suite(void);
Suite *stream_lives_suite(void);
Suite *stream_losses_suite(void);
Suite *stream_reader_suite(void);
Suite *trouble_suite(void);
Suite *unit_of_work_suite(void);
Suite *workers_suite(void);

#endif
