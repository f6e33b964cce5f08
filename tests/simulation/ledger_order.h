/* The order of a SKU's messages, by the ways that they came. */
#ifndef ALLOCD_TESTS_LEDGER_ORDER_H
#define ALLOCD_TESTS_LEDGER_ORDER_H

#include "simulation/ledger.h"

/* A message comes over one worker's connections, on a stream, or on the channels. */
#define WAYS (REPLICAS + STREAMS + 1)

/* What took effect of a SKU's messages so far: their numbers, or -1. */
struct order {
	const char *sku;
	int last[WAYS];      /* the last message that came on that way only */
	struct map by_batch; /* the last one that a stream forwarded for a batch: an int */
	int forwarded;       /* the latest one that any stream forwarded */
	size_t created_at;   /* the place in the inbox of what created the SKU; SIZE_MAX: it is unknown */
};

void order_init(struct order *order, const char *sku);

/* The message takes effect: fails the test if it was overtaken. */
void order_check(struct order *order, const struct entry *entry);

/* Whether the message keeps its place among those that came by its way. */
bool keeps_place(const struct entry *entry);

/* Whether it came by a stream that divides the SKUs with others. */
bool is_on_divided_stream(const struct entry *entry);

/* Whether the event came behind the allocate on its way in, and so sees its effect. */
bool event_sees(const struct entry *event, const struct entry *allocate);

/*
 * Whether a skipped command of the event's process, whose row in the inbox this is, precedes the SKU's
 * creation, which was committed before it.
 */
bool order_may_precede_sku(const struct order *order, const struct ledger *ledger, const struct entry *event,
			   const struct message *command, const struct inbox_row *row);

/* Whether the message was published, and need not be handled, or may be handled twice: see losses.h. */
bool may_be_lost(const struct entry *entry);
bool may_be_repeated(const struct entry *entry);

#endif
