/*
 * A query pipeline: statements that are sent to the server together, with one sync at the end, and their
 * results.
 *
 * Parameters and results are binary.  A pipeline's memory comes from its arena, except for the results,
 * which query_pipeline_clear() frees.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_QUERY_PIPELINE_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_QUERY_PIPELINE_H

#include "adapters/postgres/sql/statements.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define PARAMS_MAX 16

/* A parameter in the server's binary format; an array is filled element by element. */
struct param {
	struct arena *arena;
	unsigned char *bytes; /* NULL: the parameter is null */
	size_t size, capacity;
	bool is_array;
	uint32_t count; /* of an array's elements */
};

struct query {
	enum statement_name statement;
	struct param params[PARAMS_MAX];
	int param_count;
	bool is_needless; /* not sent, even with parameters */
	PGresult *result; /* set once the pipeline succeeded; NULL if the query was not sent */
};

struct query_pipeline {
	struct arena *arena;
	struct query **queries;
	size_t count;
};

/* Initializes a pipeline on `arena`, which must outlive it. */
void query_pipeline_init(struct query_pipeline *pipeline, struct arena *arena);

/* Frees the results; then a query may be sent again. */
void query_pipeline_drop_results(struct query_pipeline *pipeline);

/* Frees the results and forgets the queries. */
void query_pipeline_clear(struct query_pipeline *pipeline);

/* Appends a query; its parameters are added in the statement's order. */
struct query *query_pipeline_add(struct query_pipeline *pipeline, enum statement_name statement);

/* Inserts a query before the one at index `at`. */
struct query *query_pipeline_insert(struct query_pipeline *pipeline, size_t at,
				    enum statement_name statement);

/* Scalars. */
void query_bool(struct query *query, bool value);
void query_int2(struct query *query, int value);
void query_int4(struct query *query, int32_t value);
void query_int8(struct query *query, int64_t value);
void query_text(struct query *query, const char *text);
void query_null(struct query *query);
void query_uuid(struct query *query, const unsigned char uuid[16]);

/* An empty array, filled by array_…(). */
enum array_type {
	ARRAY_BOOL,
	ARRAY_INT2,
	ARRAY_INT4,
	ARRAY_INT8,
	ARRAY_TEXT,
	ARRAY_BYTEA,
	ARRAY_DATE,
	ARRAY_TIMESTAMP
};
struct param *query_array(struct query *query, enum array_type type);

void array_bool(struct param *array, bool value);
void array_int2(struct param *array, int value);
void array_int4(struct param *array, int32_t value);
void array_int8(struct param *array, int64_t value);
void array_text(struct param *array, const char *text); /* NULL becomes null */
void array_bytes(struct param *array, struct bytes bytes);
void array_day(struct param *array, int32_t day); /* see core/base/calendar.h; IN_WAREHOUSE: -infinity */
void array_instant(struct param *array, int64_t instant); /* see core/base/calendar.h; NO_INSTANT: null */

/* A query whose arrays are all empty has nothing to do: it is not sent and has no result. */
bool query_is_idle(const struct query *query);

/*
 * Sends one query; returns false if libpq cannot.  QUERY_PREPARED executes the session's prepared statement,
 * QUERY_WHOLE sends the statement's text.
 */
enum query_form { QUERY_PREPARED, QUERY_WHOLE };
bool query_send(PGconn *pg, struct query *query, enum query_form form);

/* ---- reading results ---- */

int query_rows(const struct query *query);     /* 0 without a result */
int query_affected(const struct query *query); /* rows inserted, updated or deleted; 0 without a result */
bool result_is_null(const struct query *query, int row, int column);
bool result_bool(const struct query *query, int row, int column);
int16_t result_int2(const struct query *query, int row, int column);
int32_t result_int4(const struct query *query, int row, int column);
int64_t result_int8(const struct query *query, int row, int column);
int32_t result_day(const struct query *query, int row, int column);
int64_t result_instant(const struct query *query, int row, int column);  /* null: NO_INSTANT */
const char *result_peek(const struct query *query, int row, int column); /* lives as long as the result */
char *result_text(const struct query *query, struct arena *arena, int row, int column); /* null: NULL */
struct bytes result_bytes(const struct query *query, int row, int column); /* lives as long as the result */

#endif
