/*
 * The fixed commands whose cost is counted: the same bytes in every run, and of the same length whatever
 * number they bear.
 */
#ifndef ALLOCD_TESTS_GUARD_COMMANDS_H
#define ALLOCD_TESTS_GUARD_COMMANDS_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/message.h"

/* Commands are about so many SKUs, in turn. */
#define SKUS 100

/* So many lines are in each small batch, and so often it can shrink by one. */
#define SMALL_QTY 8

enum dress { DRESS_JSON, DRESS_MSGPACK, DRESS_CLOUDEVENT };

enum work {
	STOCK_SHELF, /* create_batch: so much in the warehouse that it never ends */
	STOCK_SMALL, /* create_batch: SMALL_QTY pieces of another SKU, in the warehouse, */
	STOCK_LARGE, /* and a shipment of it that never ends */
	FILL_SMALL,  /* allocate: a line of one piece, from the small batch as long as it lasts */
	ALLOCATE,    /* allocate: a new line, from the shelf */
	REALLOCATE,  /* change_batch_quantity: a small batch shrinks by one, and its newest line moves */
	NEW_BATCH,   /* create_batch: one more of a SKU that is known */
	UNKNOWN_SKU, /* allocate: rejected */
	SAME_ID,     /* allocate: the same in every round, with an id: a duplicate from the second on */
	KINDS_OF_WORK,
};

struct command {
	enum message_type type;
	struct bytes payload;
};

/* The command of that number, from 0, in that round, from 0; it lives in the arena. */
struct command command_make(struct arena *arena, enum work work, enum dress dress, int round, int number);

#endif
