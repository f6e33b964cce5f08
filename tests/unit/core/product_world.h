/* The product "chair" on its own, with the actions and observations of the tests of core/product.h. */
#ifndef ALLOCD_TESTS_CORE_PRODUCT_WORLD_H
#define ALLOCD_TESTS_CORE_PRODUCT_WORLD_H

#include "core/product_repository.h"

#define TODAY    15000
#define TOMORROW (TODAY + 1)
#define LATER    (TODAY + 30)

#define MOVE_MAX 20 /* lines that one step of a shrink moves at most */

extern struct arena *arena;
extern struct journal journal;
extern struct product *product; /* a new product, which is loaded completely */

void set_up_product(void);
void tear_down_product(void);

/* ---- commands ---- */

enum verdict add_batch(const char *reference, int32_t qty, int32_t eta);
enum verdict allocate(const char *orderid, int32_t qty);

/* Reallocates as the message bus does: for every line_deallocated, a displaced line is allocated again. */
enum verdict change_quantity(const char *reference, int32_t qty);
enum verdict change_quantity_at(const char *reference, int32_t qty, int64_t occurred_at);

/* ---- what came of them ---- */

/* The events raised since the last call, as "1 order:10 to shelf of chair, ". */
const char *story(void);

/* The batch that holds the line, or "no batch". */
const char *holder_of(const char *orderid, int32_t qty);

int32_t purchased_of(const char *reference);
int32_t free_in(const char *reference);
int64_t changed_at_of(const char *reference);

/* ---- a product of which only a part is loaded ---- */

/* Replaces the product by one of which nothing is loaded. */
void begin_partial(void);

struct batch *put_batch(const char *reference, int32_t eta, int32_t purchased, int32_t allocated);

/* Marks all batches with that much free stock as loaded, up to the batch of that ETA and reference. */
void put_range(int32_t fitting, int32_t eta, const char *reference);

/* Asserts that the product needs batches with that much free stock beyond that place, and nothing else. */
void assert_needs_batches(int32_t fitting, int32_t eta, const char *reference);

/* Asserts that the product needs the newest lines of that batch that add up to `qty`, and nothing else. */
void assert_needs_lines(const char *reference, int32_t qty);

#endif
