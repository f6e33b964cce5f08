/*
 * The last events, numbered as they were read: a bounded ring, in memory, of what viewers may see.
 *
 * An event that could not be read leaves no number; the event after it says how many are missing.
 */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_LIVE_RING_H
#define ALLOCD_ENTRYPOINTS_LIVE_LIVE_RING_H

#include "bus/ports/codec.h"
#include "bus/publishing/event_peek.h"

/* The oldest events leave beyond either bound. */
#define LIVE_RING_MAX   5000
#define LIVE_RING_BYTES ((size_t)4 * 1024 * 1024)

#define LIVE_UNKNOWN (-1)

struct live_event {
	int64_t unread; /* events before this one that were not read; LIVE_UNKNOWN: some, or none */
	struct stream_id id;
	enum message_type type; /* MSG_NONE: this program does not know it */
	struct bytes payload;   /* owned; without data: it was too large */
	bool is_decoded;
	char *sku, *orderid, *batchref; /* owned, once it is decoded; NULL: it has none */
};

struct live_ring {
	struct live_event events[LIVE_RING_MAX]; /* number n is at n modulo LIVE_RING_MAX */
	uint64_t first, end;                     /* the oldest number, and the one after the newest */
	size_t bytes;
};

/* What a viewer wants to see; NULL, and MSG_NONE: anything. */
struct live_filter {
	const char *sku, *orderid, *batchref;
	enum message_type type;
};

struct live_ring *live_ring_new(void);

/* Accepts NULL in *ring and nulls it. */
void live_ring_free(struct live_ring **ring);

/* Copies the event and gives it the next number. */
void live_ring_add(struct live_ring *ring, const struct peeked_event *event, int64_t unread);

/* The event of a number from `first` to `end`, which it excludes. */
struct live_event *live_ring_at(struct live_ring *ring, uint64_t number);

struct live_filter live_filter_copy(const struct live_filter *filter, struct arena *arena);

/* Decodes the event if the filter needs its fields; an event that cannot be decoded has none. */
bool live_filter_passes(const struct live_filter *filter, struct live_event *event, struct codec *codec);

/* Frees what was decoded. */
void live_event_free_fields(struct live_event *event);

#endif
