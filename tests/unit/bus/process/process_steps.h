/*
 * Steps of the tests about processes: two products, each in a lane of its own, and orders with a line of
 * either.
 */
#ifndef ALLOCD_TESTS_UNIT_BUS_PROCESS_PROCESS_STEPS_H
#define ALLOCD_TESTS_UNIT_BUS_PROCESS_PROCESS_STEPS_H

#include "support/rival.h"

extern const char *first_sku, *second_sku; /* of the first and of the second lane */

void set_up_processes(void);

struct sent *cancel_by(enum transport transport, const char *orderid, const char *id);
struct sent *cancel(const char *orderid);

/* What is allocated from the batches "first" and "second", of 10 pieces each. */
int allocated(void);

/* The number of processes that are recorded and have not ended. */
size_t recorded(void);

/* The order has 2 pieces of the first product, and 3 of the second. */
void allocate_order(const char *orderid);
void expect_no_lines(const char *orderid);

#endif
