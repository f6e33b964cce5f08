/*
 * The outbox: events to be published, stored as the bytes that will be sent.
 *
 * A row holds the events that one unit of work caused for one SKU, as a frame.  Each event in a frame is
 * one byte with the length of its message's name, the name, four bytes (big endian) with the length of the
 * payload, and the payload.  Types are stored by name, so that a frame stays readable when the schemas
 * change.
 *
 * Rows are numbered per partition, without gaps, in the order of their commits.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_OUTBOX_FRAME_H
#define ALLOCD_BUS_UNIT_OF_WORK_OUTBOX_FRAME_H

#include "bus/ports/broker.h"
#include "core/base/arena.h"

#include <stdbool.h>

struct product;

struct outbox_row {
	int partition;
	const struct product *product; /* NULL for a row that was read back */
	int64_t first_version, last_version;
	struct bytes frame;
	int64_t position; /* in its partition, from 1; set by the flush */
};

struct bytes outbox_frame_encode(struct arena *arena, const struct outgoing *events, size_t count);

/*
 * Appends a frame's events to a growing array (see arena_grow); their payloads point into the frame.  An
 * event that this program does not know has type MSG_NONE.  Returns false if the bytes are not a frame.
 */
bool outbox_frame_decode(struct arena *arena, struct bytes frame, struct outgoing **events, size_t *count);

#endif
