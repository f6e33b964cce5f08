/*
 * Everything that a product in memory consists of, as text, its numbers in hexadecimal: two products that
 * differ have different texts.
 */
#ifndef ALLOCD_TESTS_CORE_DUMP_H
#define ALLOCD_TESTS_CORE_DUMP_H

#include "core/product.h"

/* The caller frees it. */
char *dump_product(const struct product *product);

#endif
