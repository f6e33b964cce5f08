/* The suites of the mail adapter, one a file. */
#ifndef ALLOCD_TESTS_SMTP_SUITES_H
#define ALLOCD_TESTS_SMTP_SUITES_H

#include <check.h>

Suite *format_suite(void);
Suite *reply_suite(void);
Suite *text_suite(void);
Suite *tls_suite(void);
Suite *url_suite(void);

#endif
