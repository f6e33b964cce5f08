/*
 * Another worker on the same database, which handles one command at once, at any time of the worker under
 * test.
 */
#ifndef ALLOCD_TESTS_RIVAL_H
#define ALLOCD_TESTS_RIVAL_H

#include "support/bus_world.h"

/* The command is committed when it returns; OUTCOME_NONE when a shrink of its SKU is active. */
enum outcome rival_create_batch(const char *reference, const char *sku, int qty);
enum outcome rival_allocate(const char *orderid, const char *sku, int qty);
enum outcome rival_allocate_with_id(const char *orderid, const char *sku, int qty, const char *id);
enum outcome rival_change_quantity(const char *reference, int qty);

/* The same for any command; a change of a missing batch is skipped. */
enum outcome rival_send(enum message_type type, const char *payload);

#endif
