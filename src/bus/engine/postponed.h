/*
 * Stream entries that the worker postpones: their SKU is held up, and the messages of such SKUs fill their
 * share of the queue.  They stay pending in the stream, and are read again once their SKU is free.
 *
 * To keep the order of each SKU, an entry that comes behind one that was postponed is postponed, too.  The
 * stream's reader reads all of its pending entries again, from the lowest one that is due (a pass), while it
 * goes on with new ones.  What a pass brings is in the order of the stream, so it may be taken; a new entry
 * may not, until the pass is over.  When an entry of the pass cannot be taken, the mark of its SKU is
 * blocked, and what follows waits for the next pass.
 */
#ifndef ALLOCD_BUS_ENGINE_POSTPONED_H
#define ALLOCD_BUS_ENGINE_POSTPONED_H

#include "bus/intake/stream_id.h"
#include "bus/messages/delivery.h"

/* The mark of one SKU in one stream. */
struct postponed {
	struct postponed *next, *next_in_bucket;
	char *sku; /* "": of messages that have none */
	char *stream;
	struct stream_id lowest; /* entry that was postponed since the last pass began; STREAM_ID_MAX: none */
	struct stream_id begin;  /* the lowest one of those that the pass brings */
	uint64_t pass;           /* which one it is; 0: none began */
	bool is_blocked;         /* what comes after `lowest` waits for the next pass */
	bool has_creation;       /* some of the entries create batches, which messages behind may name */
};

#define POSTPONED_BUCKETS 256

struct postponed_list {
	struct postponed *first; /* in no order */
	size_t count;
	uint64_t passes;                              /* that began, over any stream */
	struct postponed *buckets[POSTPONED_BUCKETS]; /* by the SKU's hash */
};

void postponed_list_free(struct postponed_list *list);

/* Whether the order lets the worker take this stream entry now. */
bool postponed_admits(const struct postponed_list *list, const struct delivery *delivery, const char *sku);

/* The entry is postponed.  True: it is the first one of its stream. */
bool postponed_add(struct postponed_list *list, const struct delivery *delivery, const char *sku);

/*
 * The entry's batch is unknown.  True: an entry that is postponed may create it, so this one is postponed,
 * too.
 */
bool postponed_add_unknown(struct postponed_list *list, const struct delivery *delivery);

/* Whether there is a mark of that stream. */
bool postponed_has(const struct postponed_list *list, const char *stream);

/* A pass begins: it brings every pending entry above `after`.  Returns its number. */
uint64_t postponed_begin_pass(struct postponed_list *list, const char *stream, struct stream_id after);

/* The pass has brought all of them.  True: nothing of that stream is postponed any more. */
bool postponed_end_pass(struct postponed_list *list, const char *stream);

#endif
