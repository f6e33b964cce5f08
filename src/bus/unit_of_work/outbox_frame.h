/*
 * The outbox: events to be published, stored as the bytes that will be sent.
 *
 * A row holds the events that one unit of work caused for the products of one partition, as a frame.  Each
 * event in a frame is one byte with the length of its message's name, the name, four bytes (big endian) with
 * the length of the payload, and the payload.  Types are stored by name, so that a frame stays readable when
 * the schemas change.  The events of a product follow one another: they are a part of the row.
 *
 * Rows are numbered per partition, without gaps, in the order of their commits.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_OUTBOX_FRAME_H
#define ALLOCD_BUS_UNIT_OF_WORK_OUTBOX_FRAME_H

#include "bus/ports/broker.h"
#include "core/base/arena.h"
#include "core/partition.h"

#include <stdbool.h>

struct product;
struct span_context;

/*
 * A row ends before it is larger than this, unless a single event is.  Compressed, such a row fits into a
 * page of the store.
 */
#define OUTBOX_ROW_BYTES 16128

/* Consecutive events of one product. */
struct outbox_part {
	struct product *product;
	int64_t first_version, last_version;
	const struct outgoing *events;
	size_t end;       /* its last byte in the frame, counted from 1 */
	int64_t previous; /* the store's own: the row with the product's events before these */
};

struct outbox_row {
	int partition;
	struct outbox_part *parts; /* of a row to be written, in the order of the frame; */
	size_t part_count;
	const struct outgoing *events; /* or, of a row without parts, events that are no product's */
	size_t event_count;
	struct bytes frame;
	int64_t position; /* in its partition, from 1; set by the flush */
	const struct span_context
		*cause; /* a message that is sampled and caused some of its events; or NULL */
};

/* Adds the events, which have the versions from `first_version` on, to the rows of their partition. */
struct outbox_rows {
	struct arena *arena;
	struct outbox_row *rows;
	size_t count;
	size_t open[PARTITIONS]; /* the number of the partition's last row, from 1; 0: it has none */
};
void outbox_rows_add(struct outbox_rows *rows, int partition, struct product *product, int64_t first_version,
		     const struct outgoing *events, size_t count);

/*
 * Adds events that are no product's to rows of their own, after those of the products were added.  The array
 * must live until the rows are encoded.
 */
void outbox_rows_add_apart(struct outbox_rows *rows, int partition, const struct outgoing *events,
			   size_t count);

/* Writes the frame of each row, after the last events were added. */
void outbox_rows_encode(struct outbox_rows *rows);

/*
 * Appends a frame's events to a growing array (see arena_grow); their payloads point into the frame.  An
 * event that this program does not know has type MSG_NONE.  Returns false if the bytes are not a frame.
 */
bool outbox_frame_decode(struct arena *arena, struct bytes frame, struct outgoing **events, size_t *count);

/* Returns whether it has replaced the payload of an event, whose type may be unknown. */
typedef bool event_rewrite(void *context, struct outgoing *event, struct arena *arena);

/* A frame whose payloads may have other sizes now. */
struct rewritten_frame {
	struct bytes frame;
	size_t rewritten; /* the number of events whose payload was replaced; 0: the frame is not set */
	size_t count;     /* of all events */
	size_t *ends;     /* each event's last byte, counted from 1 */
};

/* Returns false if the bytes are not a frame. */
bool outbox_frame_rewrite(struct arena *arena, struct bytes frame, event_rewrite *rewrite, void *context,
			  struct rewritten_frame *rewritten);

#endif
