/* Somebody else on the same database: does one command at once, whatever the worker under test is waiting for. */
#ifndef ALLOCD_TESTS_RIVAL_H
#define ALLOCD_TESTS_RIVAL_H

#include "world.h"

/* The command is committed when it returns; its outcome. */
enum outcome rival_create_batch(const char *reference, const char *sku, int qty);
enum outcome rival_allocate(const char *orderid, const char *sku, int qty);
enum outcome rival_allocate_with_id(const char *orderid, const char *sku, int qty, const char *id);
enum outcome rival_change_quantity(const char *reference, int qty);

#endif
