/*
 * Watches that no cursor passes an event that is not published: its row could be deleted.  Most runs leave
 * this to the end, when every event must have been published.
 */
#include "simulation/disasters/disaster.h"

#include "bus/unit_of_work/outbox_frame.h"
#include "support/replicas.h"
#include "support/suites.h"

#include <string.h>

#define LOOK_MS 5

static struct {
	struct task *task;
	struct map published; /* by payload */
	size_t published_count;
	int64_t checked[PARTITIONS]; /* the events up to here are published */
} watch;

static const char *text_of(const struct outgoing *event)
{
	return arena_text(world->arena, event->payload.data, event->payload.size);
}

static void see_publications(void)
{
	for (; watch.published_count < memory_broker_count(world->broker); watch.published_count++)
		map_put(&watch.published, text_of(memory_broker_event(world->broker, watch.published_count)),
			world);
}

static void check_row(const struct stored_outbox_row *row)
{
	struct outgoing *events = NULL;
	size_t count = 0;

	expect_that(outbox_frame_decode(world->arena, row->frame, &events, &count),
		    "an outbox row cannot be read");
	for (size_t i = 0; i < count; i++)
		expect_that(map_get(&watch.published, text_of(&events[i])),
			    "a cursor has passed an event that is not published: %s", text_of(&events[i]));
}

static void check_partition(int partition)
{
	const struct outbox_partition *it = &world->database->outbox[partition];

	for (; watch.checked[partition] < it->cursor; watch.checked[partition]++)
		check_row(&it->rows[watch.checked[partition]]);
}

static void on_look(void *context)
{
	watch.task = simulation_post(world->simulation, LOOK_MS, on_look, context);
	see_publications();
	for (int partition = 0; partition < PARTITIONS; partition++)
		check_partition(partition);
}

void cursors_begin(void)
{
	memset(&watch, 0, sizeof watch);
	map_init(&watch.published, world->arena);
	on_look(NULL);
}

void cursors_restored(void)
{
	for (int partition = 0; partition < PARTITIONS; partition++)
		watch.checked[partition] = 0;
}

void cursors_end(void)
{
	simulation_cancel(world->simulation, &watch.task);
}
