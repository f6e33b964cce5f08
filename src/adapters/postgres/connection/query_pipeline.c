/*
 * Postgres' binary formats, as its types' send and receive functions define them: integers in network order;
 * an array is its number of dimensions, a flag for nulls, its elements' type, then length and lower bound of
 * the one dimension, then each element after its length.
 */
#include "adapters/postgres/connection/query_pipeline.h"

#include "core/base/calendar.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_HEADER 20

/* Postgres counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_US   (INT64_C(86400000000) * EPOCH_DAYS)

static const uint32_t element_oids[] = {
	[ARRAY_BOOL] = 16, [ARRAY_INT2] = 21,  [ARRAY_INT4] = 23,   [ARRAY_INT8] = 20,
	[ARRAY_TEXT] = 25, [ARRAY_BYTEA] = 17, [ARRAY_DATE] = 1082, [ARRAY_TIMESTAMP] = 1184,
};

void query_pipeline_init(struct query_pipeline *pipeline, struct arena *arena)
{
	*pipeline = (struct query_pipeline){.arena = arena};
}

void query_pipeline_drop_results(struct query_pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->count; i++) {
		PQclear(pipeline->queries[i]->result);
		pipeline->queries[i]->result = NULL;
	}
}

void query_pipeline_clear(struct query_pipeline *pipeline)
{
	query_pipeline_drop_results(pipeline);
	query_pipeline_init(pipeline, pipeline->arena);
}

struct query *query_pipeline_insert(struct query_pipeline *pipeline, size_t at, enum statement_name statement)
{
	struct query *query = arena_alloc(pipeline->arena, sizeof *query);

	query->statement = statement;
	for (int i = 0; i < PARAMS_MAX; i++)
		query->params[i].arena = pipeline->arena;
	pipeline->queries =
		arena_grow(pipeline->arena, pipeline->queries, pipeline->count, sizeof(struct query *));
	memmove(pipeline->queries + at + 1, pipeline->queries + at,
		(pipeline->count - at) * sizeof(struct query *));
	pipeline->queries[at] = query;
	pipeline->count++;
	return query;
}

struct query *query_pipeline_add(struct query_pipeline *pipeline, enum statement_name statement)
{
	return query_pipeline_insert(pipeline, pipeline->count, statement);
}

/* ---- writing ---- */

static struct param *next_param(struct query *query)
{
	assert(query->param_count < PARAMS_MAX);
	return &query->params[query->param_count++];
}

static void grow(struct param *param, size_t size)
{
	size_t capacity = 2 * (param->size + size) + 16;
	unsigned char *bytes = arena_reserve(param->arena, capacity);

	if (param->bytes)
		memcpy(bytes, param->bytes, param->size);
	param->bytes = bytes;
	param->capacity = capacity;
}

/* Room for `size` more bytes at the end, which the caller fills. */
static inline unsigned char *extend(struct param *param, size_t size)
{
	unsigned char *end;

	if (!param->bytes || param->size + size > param->capacity)
		grow(param, size);
	end = param->bytes + param->size;
	param->size += size;
	return end;
}

static void append(struct param *param, const void *bytes, size_t size)
{
	if (size)
		memcpy(extend(param, size), bytes, size);
}

static void append_int4(struct param *param, int32_t value)
{
	uint32_t big = htobe32((uint32_t)value);

	memcpy(extend(param, sizeof big), &big, sizeof big);
}

static void append_int8(struct param *param, int64_t value)
{
	uint64_t big = htobe64((uint64_t)value);

	memcpy(extend(param, sizeof big), &big, sizeof big);
}

static void append_int2(struct param *param, int value)
{
	uint16_t big = htobe16((uint16_t)value);

	memcpy(extend(param, sizeof big), &big, sizeof big);
}

void query_bool(struct query *query, bool value)
{
	append(next_param(query), &(unsigned char){value}, 1);
}

void query_int2(struct query *query, int value)
{
	append_int2(next_param(query), value);
}

void query_int4(struct query *query, int32_t value)
{
	append_int4(next_param(query), value);
}

void query_int8(struct query *query, int64_t value)
{
	append_int8(next_param(query), value);
}

void query_text(struct query *query, const char *text)
{
	struct param *param = next_param(query);

	extend(param, 0);
	append(param, text, strlen(text));
}

void query_null(struct query *query)
{
	next_param(query);
}

void query_uuid(struct query *query, const unsigned char uuid[16])
{
	append(next_param(query), uuid, 16);
}

struct param *query_array(struct query *query, enum array_type type)
{
	struct param *array = next_param(query);

	array->is_array = true;
	append_int4(array, 1);
	append_int4(array, 0);
	append_int4(array, (int32_t)element_oids[type]);
	append_int4(array, 0); /* the length: see finish_array() */
	append_int4(array, 1);
	return array;
}

static void begin_element(struct param *array, size_t size)
{
	assert(array->is_array && size <= INT32_MAX);
	array->count++;
	append_int4(array, (int32_t)size);
}

static void array_null(struct param *array)
{
	uint32_t has_nulls = htobe32(1);

	array->count++;
	append_int4(array, -1);
	memcpy(array->bytes + 4, &has_nulls, sizeof has_nulls);
}

void array_bool(struct param *array, bool value)
{
	begin_element(array, 1);
	append(array, &(unsigned char){value}, 1);
}

void array_int2(struct param *array, int value)
{
	begin_element(array, sizeof(int16_t));
	append_int2(array, value);
}

void array_int4(struct param *array, int32_t value)
{
	begin_element(array, sizeof value);
	append_int4(array, value);
}

void array_int8(struct param *array, int64_t value)
{
	begin_element(array, sizeof value);
	append_int8(array, value);
}

void array_bytes(struct param *array, struct bytes bytes)
{
	begin_element(array, bytes.size);
	append(array, bytes.data, bytes.size);
}

void array_text(struct param *array, const char *text)
{
	if (text)
		array_bytes(array, (struct bytes){text, strlen(text)});
	else
		array_null(array);
}

void array_day(struct param *array, int32_t day)
{
	/* In both representations the smallest number stands for a day before all others. */
	array_int4(array, day == IN_WAREHOUSE ? INT32_MIN : day - EPOCH_DAYS);
}

void array_instant(struct param *array, int64_t instant)
{
	if (instant == NO_INSTANT)
		array_null(array);
	else
		array_int8(array, instant - EPOCH_US);
}

/* ---- sending ---- */

bool query_is_idle(const struct query *query)
{
	bool has_arrays = false;

	if (query->is_needless)
		return true;
	for (int i = 0; i < query->param_count; i++) {
		if (query->params[i].count)
			return false;
		has_arrays = has_arrays || query->params[i].is_array;
	}
	return has_arrays;
}

static void finish_array(struct param *array)
{
	uint32_t count = htobe32(array->count);

	memcpy(array->bytes + 12, &count, sizeof count);
	if (!array->count) {
		/* An empty array has no dimensions. */
		memset(array->bytes, 0, 4);
		array->size = ARRAY_HEADER - 8;
	}
}

/* Whether no array holds more than one element. */
static bool is_of_one(const struct query *query)
{
	for (int i = 0; i < query->param_count; i++) {
		if (query->params[i].count > 1)
			return false;
	}
	return true;
}

/* The array's only element, as a parameter of the statement's twin; null for an empty array. */
static struct bytes only_element(const struct param *array)
{
	uint32_t length = UINT32_MAX;

	if (array->count)
		memcpy(&length, array->bytes + ARRAY_HEADER, sizeof length);
	if (length == UINT32_MAX)
		return (struct bytes){0};
	return (struct bytes){array->bytes + ARRAY_HEADER + sizeof length, be32toh(length)};
}

static struct bytes finish_param(struct param *param, bool as_one)
{
	if (param->is_array && as_one)
		return only_element(param);
	if (param->is_array)
		finish_array(param);
	return (struct bytes){param->bytes, param->size};
}

bool query_send(PGconn *pg, struct query *query, enum query_form form)
{
	enum statement_name of_one = statements[query->statement].of_one;
	bool as_one = of_one != query->statement && is_of_one(query);
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX], formats[PARAMS_MAX];

	for (int i = 0; i < query->param_count; i++) {
		struct bytes value = finish_param(&query->params[i], as_one);

		assert(value.size <= INT32_MAX);
		values[i] = value.data;
		lengths[i] = (int)value.size;
		formats[i] = 1;
	}
	const struct statement *statement = &statements[as_one ? of_one : query->statement];

	if (form == QUERY_PREPARED)
		return PQsendQueryPrepared(pg, statement->name, query->param_count, values, lengths, formats,
					   1);
	return PQsendQueryParams(pg, statement->sql, query->param_count, NULL, values, lengths, formats, 1);
}

/* ---- reading ---- */

int query_rows(const struct query *query)
{
	return query->result ? PQntuples(query->result) : 0;
}

int query_affected(const struct query *query)
{
	return query->result ? atoi(PQcmdTuples(query->result)) : 0;
}

bool result_is_null(const struct query *query, int row, int column)
{
	return PQgetisnull(query->result, row, column);
}

/* Returns the value's bytes; another length than `size` is a bug in the statement. */
static const char *fixed_size_value(const struct query *query, int row, int column, int size)
{
	assert(PQgetlength(query->result, row, column) == size);
	(void)size;
	return PQgetvalue(query->result, row, column);
}

bool result_bool(const struct query *query, int row, int column)
{
	return *fixed_size_value(query, row, column, 1);
}

int16_t result_int2(const struct query *query, int row, int column)
{
	uint16_t big;

	memcpy(&big, fixed_size_value(query, row, column, sizeof big), sizeof big);
	return (int16_t)be16toh(big);
}

int32_t result_int4(const struct query *query, int row, int column)
{
	uint32_t big;

	memcpy(&big, fixed_size_value(query, row, column, sizeof big), sizeof big);
	return (int32_t)be32toh(big);
}

int64_t result_int8(const struct query *query, int row, int column)
{
	uint64_t big;

	memcpy(&big, fixed_size_value(query, row, column, sizeof big), sizeof big);
	return (int64_t)be64toh(big);
}

int32_t result_day(const struct query *query, int row, int column)
{
	int32_t day = result_int4(query, row, column);

	return day == INT32_MIN ? IN_WAREHOUSE : day + EPOCH_DAYS;
}

int64_t result_instant(const struct query *query, int row, int column)
{
	if (result_is_null(query, row, column))
		return NO_INSTANT;
	return result_int8(query, row, column) + EPOCH_US;
}

const char *result_peek(const struct query *query, int row, int column)
{
	return PQgetvalue(query->result, row, column); /* libpq appends a NUL to binary values, too */
}

char *result_text(const struct query *query, struct arena *arena, int row, int column)
{
	return result_is_null(query, row, column) ? NULL
						  : arena_strdup(arena, result_peek(query, row, column));
}

struct bytes result_bytes(const struct query *query, int row, int column)
{
	return (struct bytes){PQgetvalue(query->result, row, column),
			      (size_t)PQgetlength(query->result, row, column)};
}
