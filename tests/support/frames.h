/* Frames of the outbox, as a unit of work writes them. */
#ifndef ALLOCD_TESTS_SUPPORT_FRAMES_H
#define ALLOCD_TESTS_SUPPORT_FRAMES_H

#include "bus/unit_of_work/outbox_frame.h"

static inline struct bytes frame_of(struct arena *arena, const struct outgoing *events, size_t count)
{
	struct outbox_rows rows = {.arena = arena};

	outbox_rows_add(&rows, 0, NULL, 1, events, count);
	outbox_rows_encode(&rows);
	return rows.rows[0].frame;
}

#endif
