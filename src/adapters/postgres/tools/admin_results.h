/* Results of the queries that operators' commands send to the database. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_ADMIN_RESULTS_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_ADMIN_RESULTS_H

#include "core/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The outcome of a message.  Several messages can bear one id: each spent it under a CloudEvents source of
 * its own, or was refused.
 */
struct known_outcome {
	const char *id;
	const char *message; /* "allocate" */
	const char *source;
	const char *outcome; /* "handled" */
	const char *reason;  /* "" where it was handled or skipped */
	int64_t at;          /* microseconds since 1970 */
};

/* A violation of a rule of the database. */
struct breach {
	const char *rule;    /* its name */
	const char *meaning; /* what it says */
	const char *key;     /* which row */
	const char *expected, *found;
};

/* The maximum number of breaches of a rule that are reported one by one. */
#define BREACHES_REPORTED_MAX 10

/* The part of a row of the outbox; or all of a row that has no parts, whose events are no product's. */
struct kept_frame {
	const char *sku; /* "": a row without parts */
	int64_t product; /* its key */
	int64_t first_version, last_version;
	int64_t epoch; /* that its place in the outbox has */
	struct bytes frame;
};

/* The progress of rebuilding the read model, in rows. */
struct rebuilding {
	int64_t lines, rows; /* scanned so far: of the write side, of the read model */
	int64_t added, corrected, removed;
};

typedef void rebuilding_progress(void *context, const struct rebuilding *rebuilding);

/* What is known about a product's events. */
struct kept_events {
	bool exists;        /* there is such a product */
	int64_t version;    /* of its last event */
	int64_t first_kept; /* the first one that is kept; 0: none is */
};

/* The work that workers have not finished. */
struct unfinished_work {
	int64_t unpublished; /* rows of the outbox */
	int64_t shrinks;     /* in progress */
};

#endif
