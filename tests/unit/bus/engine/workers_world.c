/* Two workers side by side. */
#include "unit/bus/engine/workers_world.h"

#include <string.h>

struct world *other;

void set_up_workers(void)
{
	set_up_world();
	other = world_beside(world);
	world_start(other);
	create_batch("batch", "LAMP", 100000);
	world_run(world);
}

void tear_down_workers(void)
{
	world_free(&other);
	tear_down_world();
}

void allocate_by(struct world *worker, int number)
{
	world_send(worker, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=order-%05d\nsku=LAMP\nqty=1", number);
	world_run(worker);
}

struct outbox_partition *lamps_outbox(void)
{
	return &world->database->outbox[partition_of("LAMP")];
}

const struct engine_stats *stats_of(const struct world *worker)
{
	return engine_stats(worker->engine);
}

size_t skipped_by_fence(void)
{
	return memory_broker_skipped(world->broker);
}

void expect_published(int first, int last)
{
	const char *expected = "";

	for (int i = first; i <= last; i++)
		expected = arena_printf(world->arena, "%sline_allocated order-%05d LAMP 1 batch %d\n",
					expected, i, i);
	ck_assert_msg(!strcmp(published(), expected), "published: %.1000s", published());
}

const char *published_since(size_t count)
{
	const char *lines = published();

	while (count--)
		lines = strchr(lines, '\n') + 1;
	return lines;
}
