/*
 * The fixed commands whose cost is counted: the same bytes in every run, and of the same length for every
 * number.
 */
#ifndef ALLOCD_TESTS_GUARD_COMMANDS_H
#define ALLOCD_TESTS_GUARD_COMMANDS_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/message.h"

/* The number of SKUs, which commands name in turn. */
#define SKUS 100

/* The lines in each small batch, which can shrink by one that many times. */
#define SMALL_QTY 8

enum dress { DRESS_JSON, DRESS_MSGPACK, DRESS_CLOUDEVENT };

enum work {
	STOCK_SHELF, /* create_batch: inexhaustible stock in the warehouse */
	STOCK_SMALL, /* create_batch: SMALL_QTY pieces of another SKU, in the warehouse, */
	STOCK_LARGE, /* and an inexhaustible shipment of it */
	FILL_SMALL,  /* allocate: a line of one piece, from the small batch as long as it lasts */
	ALLOCATE,    /* allocate: a new line, from the shelf */
	HOLD,        /* allocate: a line that DEALLOCATE names in the same round, */
	LOAD,        /* and one that SHIP names */
	DEALLOCATE,  /* deallocate */
	SHIP,        /* ship */
	REALLOCATE,  /* change_batch_quantity: a small batch shrinks by one, and its newest line moves */
	NEW_BATCH,   /* create_batch: one more of a known SKU */
	UNKNOWN_SKU, /* allocate: rejected */
	SAME_ID,     /* allocate: the same in every round, with an id: a duplicate from the second on */

	/* All of one further SKU: */
	STOCK_SHIPMENT,   /* create_batch: an inexhaustible shipment */
	STOCK_PIECE,      /* create_batch: one piece in the warehouse, which is preferred to the shipment */
	ALLOCATE_ONE_SKU, /* allocate: a new line, which exhausts such a batch as long as there is one */
	KINDS_OF_WORK,
};

struct command {
	enum message_type type;
	struct bytes payload;
};

/* Returns the command with that number in that round, both from 0; it lives in the arena. */
struct command command_make(struct arena *arena, enum work work, enum dress dress, int round, int number);

#endif
