/* What the tests of the HTTP API share: a world for each test, and commands to begin with. */
#ifndef ALLOCD_TESTS_ENTRYPOINTS_HTTP_WORLD_H
#define ALLOCD_TESTS_ENTRYPOINTS_HTTP_WORLD_H

#include "world.h"

/* The number of messages for which the engine of this world has room. */
#define HTTP_QUEUE_MAX 8

extern struct world http_world;

void set_up_http(void);
void tear_down_http(void);

/* Posts a create_batch, which must be answered 201. */
void http_add_batch(const char *reference, const char *sku, int qty);

/* Posts an allocate of the SKU "lamp" and returns the reply. */
const char *http_allocate(const char *order, int qty);

#endif
