/*
 * The contract's rules, implemented in the simplest way: everything is recomputed from flat lists, which are
 * always complete, and a shrink of any size is one step.
 */
#ifndef ALLOCD_TESTS_CORE_MODEL_H
#define ALLOCD_TESTS_CORE_MODEL_H

#include "core/message.h"
#include "core/verdict.h"
#include "support/flat.h"

#define MODEL_EVENTS_MAX (4 * FLAT_LINES_MAX)

struct model_event {
	enum message_type type;
	const char *orderid;
	int32_t qty;
	const char *batchref; /* NULL: out of stock */
	const char *reason;   /* of a line that was deallocated, else NULL */
	int64_t version;
};

struct model {
	struct flat flat;
	int event_count;
	struct model_event events[MODEL_EVENTS_MAX];
};

enum verdict model_add_batch(struct model *model, const char *reference, int32_t qty, int32_t eta);
enum verdict model_allocate(struct model *model, const char *orderid, int32_t qty);
enum verdict model_deallocate(struct model *model, const char *orderid, int32_t qty);
enum verdict model_ship(struct model *model, const char *orderid, int32_t qty);
enum verdict model_change_quantity(struct model *model, const char *reference, int32_t qty,
				   int64_t occurred_at);

#endif
