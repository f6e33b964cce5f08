/* What the tests of the HTTP API share. */
#include "http/http_world.h"

#include <check.h>

struct world http_world;

void set_up_http(void)
{
	world_init(&http_world, HTTP_QUEUE_MAX);
}

void tear_down_http(void)
{
	world_release(&http_world);
}

void http_add_batch(const char *reference, const char *sku, int qty)
{
	const char *body = arena_printf(http_world.arena, "{\"ref\":\"%s\",\"sku\":\"%s\",\"qty\":%d}",
					reference, sku, qty);

	ck_assert_int_eq(reply_status(world_post(&http_world, "/add_batch", body)), 201);
}

const char *http_allocate(const char *order, int qty)
{
	return world_post(&http_world, "/allocate",
			  arena_printf(http_world.arena, "{\"orderid\":\"%s\",\"sku\":\"lamp\",\"qty\":%d}",
				       order, qty));
}
