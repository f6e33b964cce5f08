/*
 * Another worker on the same database, which handles one command immediately, at any time of a test.
 */
#ifndef ALLOCD_TESTS_RIVAL_H
#define ALLOCD_TESTS_RIVAL_H

#include "support/bus_world.h"

/* Each returns after the command is committed; OUTCOME_NONE if a shrink of its SKU is active. */
enum outcome rival_create_batch(const char *reference, const char *sku, int qty);
enum outcome rival_allocate(const char *orderid, const char *sku, int qty);
enum outcome rival_allocate_with_id(const char *orderid, const char *sku, int qty, const char *id);
enum outcome rival_change_quantity(const char *reference, int qty);

/* Sends any command; a command for a missing batch is not sent, and OUTCOME_NONE returned. */
enum outcome rival_send(enum message_type type, const char *payload);

#endif
