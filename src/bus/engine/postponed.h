/*
 * Stream entries that the worker postpones: their SKU is held up, and the messages of such SKUs fill their
 * share of the queue.  They stay pending in the stream, and are read again once their SKU is free.
 *
 * To keep each SKU's order, an entry behind a postponed one is postponed, too.  The stream's reader reads
 * all of its pending entries again, from the lowest one that is due (a pass), while it continues with new
 * ones.  Entries of a pass arrive in the stream's order, so they may be accepted; a new entry may not, until
 * the pass is over.  When an entry of the pass cannot be accepted, the mark of its SKU is blocked, and the
 * entries behind it wait for the next pass.
 */
#ifndef ALLOCD_BUS_ENGINE_POSTPONED_H
#define ALLOCD_BUS_ENGINE_POSTPONED_H

#include "bus/base/sku_list.h"
#include "bus/base/stream_id.h"
#include "bus/messages/delivery.h"

/* The mark of one SKU in one stream. */
struct postponed {
	struct sku_node node;
	char *stream;
	struct stream_id lowest; /* entry that was postponed since the last pass began; STREAM_ID_MAX: none */
	struct stream_id begin;  /* the lowest entry that the pass returns */
	uint64_t pass;           /* its number; 0: none began */
	bool is_blocked;         /* entries above `lowest` wait for the next pass */
	bool has_creation;       /* an entry creates a batch, which messages behind it may name */
};

struct postponed_list {
	struct sku_list marks;
	uint64_t passes; /* that began, over any stream */
};

void postponed_list_free(struct postponed_list *list);

/* Any mark, and the next one after it; NULL at the end. */
struct postponed *postponed_first(const struct postponed_list *list);
struct postponed *postponed_next(const struct postponed *mark);

/* Whether the order lets the worker accept this stream entry now. */
bool postponed_admits(const struct postponed_list *list, const struct delivery *delivery, const char *sku);

/*
 * Postpones the entry.  Returns the SKU if entries of it that were admitted before may be behind this one
 * now; else NULL.
 */
const char *postponed_add(struct postponed_list *list, const struct delivery *delivery, const char *sku);

/*
 * Postpones the entry, whose batch is unknown, if a postponed entry may create that batch.  Returns true if
 * it was postponed; then *behind is what postponed_add() returns.
 */
bool postponed_add_unknown(struct postponed_list *list, const struct delivery *delivery, const char **behind);

/*
 * The SKU of a postponed entry that the delivery, an event about an order, is behind in its stream; NULL if
 * it is behind none.
 */
const char *postponed_before(const struct postponed_list *list, const struct delivery *event);

/* The worker does not read the stream any more: removes its marks. */
void postponed_forget(struct postponed_list *list, const char *stream);

/* Whether there is a mark of that stream. */
bool postponed_has(const struct postponed_list *list, const char *stream);

/* A pass begins, which returns every pending entry above `after`.  Returns the pass's number. */
uint64_t postponed_begin_pass(struct postponed_list *list, const char *stream, struct stream_id after);

/* A pass ends.  Returns true if this released the last postponed entries of the stream. */
bool postponed_end_pass(struct postponed_list *list, const char *stream);

#endif
