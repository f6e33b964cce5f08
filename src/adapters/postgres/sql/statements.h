/*
 * Every statement that the worker sends (statements.sql), prepared once a session under its name; behind a
 * pooler it is sent as it is.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_SQL_STATEMENTS_H
#define ALLOCD_ADAPTERS_POSTGRES_SQL_STATEMENTS_H

#include "statement_names.h"

/* The outbox's directory has an entry for the row with each such event of a product (see has_entry). */
#define DIRECTORY_STEP 32

/* The users of a statement: a session prepares only what it needs. */
enum session_use {
	FOR_UNITS = 1,
	FOR_VIEWS = 2,
	FOR_CHECKPOINTS = 4,
	FOR_DRY_RUNS = 8,
	FOR_LANES = 16,
	FOR_PARKING = 32,
	FOR_POOLS = 64, /* never prepared */
	FOR_LEASES = 128,
	FOR_INTAKE = 256,
	FOR_PUBLISHER = 512,
	FOR_CHORES = 1024,
	FOR_STORES = FOR_UNITS | FOR_INTAKE | FOR_PUBLISHER | FOR_CHORES
};

struct statement {
	const char *name;
	const char *sql;
	unsigned used_by;
	enum statement_name of_one; /* its twin for arrays of one element: see statements.py; or itself */
};

extern const struct statement statements[STATEMENTS];

#endif
