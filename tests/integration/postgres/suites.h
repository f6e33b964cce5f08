/* The suites of the Postgres adapter, beside the one that every store runs. */
#ifndef ALLOCD_TESTS_POSTGRES_SUITES_H
#define ALLOCD_TESTS_POSTGRES_SUITES_H

#include <check.h>

Suite *concurrency_suite(void);
Suite *connector_suite(void);
Suite *conninfo_suite(void);
Suite *blocking_client_suite(void);
Suite *loss_suite(void);
Suite *plans_suite(void);
Suite *pooler_suite(void);
Suite *schema_suite(void);
Suite *known_servers_suite(void);
Suite *sqlstate_suite(void);
Suite *trouble_suite(void);
Suite *sweep_suite(void);

#endif
