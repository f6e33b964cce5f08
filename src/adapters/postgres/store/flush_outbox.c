/*
 * Writes the rows of the outbox, and what finds the events of a product in them: see
 * schema/migrations/0008_outbox_by_partition.sql and 0014_rows_with_one_part.sql.
 */
#include "adapters/postgres/store/flush.h"

#include "core/base/decimal.h"
#include "core/product_repository.h"

#include <assert.h>

/*
 * How long a parked message may hold the heads of the outbox: a time below lock_timeout (see session_setup.c)
 * and a millisecond for each KiB of frames.
 */
#define HEADS_MS     300
#define BYTES_PER_MS 1024

/*
 * A row's key is the unit's number, which is a key of the sequence and below 2^47, and the row's among those
 * of the unit.
 */
#define ROWS_OF_UNIT 65536

/* A number of 64 bits in decimal, and a comma. */
#define NUMBER_SIZE 21

/* ---- keys ---- */

void flush_number_rows(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;

	for (size_t i = 0; i < uow->product_count; i++) {
		if (uow->products[i]->product)
			uow->products[i]->product->next_row = 0; /* of an attempt that failed */
	}
	if (!uow->outbox_count)
		return;
	assert(uow->outbox_count < ROWS_OF_UNIT);
	flush->first_row = store_next_key(flush->store) * ROWS_OF_UNIT;
	for (size_t i = 0; i < uow->outbox_count; i++) {
		for (size_t at = 0; at < uow->outbox[i].part_count; at++) {
			struct outbox_part *part = &uow->outbox[i].parts[at];

			part->previous = product_last_row(part->product);
			part->product->next_row = flush->first_row + (int64_t)i;
		}
	}
}

/* ---- the directory ---- */

static void insert_directory(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_DIRECTORY);
	struct param *products = query_array(query, ARRAY_INT8), *versions = query_array(query, ARRAY_INT8),
		     *rows = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < uow->outbox_count; i++) {
		for (size_t at = 0; at < uow->outbox[i].part_count; at++) {
			const struct outbox_part *part = &uow->outbox[i].parts[at];

			if (part->last_version / DIRECTORY_STEP == (part->first_version - 1) / DIRECTORY_STEP)
				continue;
			array_int8(products, part->product->key);
			array_int8(versions, part->last_version);
			array_int8(rows, flush->first_row + (int64_t)i);
		}
	}
}

/* ---- the rows ---- */

/*
 * Adds the heads that move, in order, and returns how many; numbers[partition] is the place of the
 * partition's head among them, from 1.
 */
static int add_heads(const struct unit_of_work *uow, struct query *query, int numbers[PARTITIONS])
{
	struct param *partitions = query_array(query, ARRAY_INT2), *counts = query_array(query, ARRAY_INT8);
	int64_t rows[PARTITIONS] = {0};
	int number = 0;

	for (size_t i = 0; i < uow->outbox_count; i++)
		rows[uow->outbox[i].partition]++;
	for (int partition = 0; partition < PARTITIONS; partition++) {
		if (!rows[partition])
			continue;
		array_int2(partitions, partition);
		array_int8(counts, rows[partition]);
		numbers[partition] = ++number;
	}
	return number;
}

static char *put_number(char *end, int64_t number)
{
	end += decimal_format(number, end);
	*end++ = ',';
	return end;
}

/* Returns the row's `sections`, as text: none for a row with events that are no product's. */
static const char *sections_of(struct arena *arena, const struct outbox_row *row)
{
	char *text = arena_reserve(arena, row->part_count * 5 * NUMBER_SIZE + 3), *end = text;

	*end++ = '{';
	for (size_t i = 0; i < row->part_count; i++) {
		const struct outbox_part *part = &row->parts[i];

		end = put_number(end, part->product->key);
		end = put_number(end, part->first_version);
		end = put_number(end, part->last_version);
		end = put_number(end, part->previous);
		end = put_number(end, (int64_t)part->end);
	}
	if (row->part_count)
		end--; /* the last comma */
	end[0] = '}';
	end[1] = '\0';
	return text;
}

/* A row says in columns of its own which part it has, or in `sections` which ones. */
static void add_rows(const struct flush *flush, struct query *query, const int numbers[PARTITIONS])
{
	const struct unit_of_work *uow = flush->uow;
	struct param *partitions = query_array(query, ARRAY_INT2), *heads = query_array(query, ARRAY_INT4),
		     *steps = query_array(query, ARRAY_INT8), *keys = query_array(query, ARRAY_INT8),
		     *products = query_array(query, ARRAY_INT8), *firsts = query_array(query, ARRAY_INT8),
		     *lasts = query_array(query, ARRAY_INT8), *previous = query_array(query, ARRAY_INT8),
		     *sections = query_array(query, ARRAY_TEXT), *frames = query_array(query, ARRAY_BYTEA);
	int64_t rows[PARTITIONS] = {0};

	for (size_t i = 0; i < uow->outbox_count; i++) {
		const struct outbox_row *row = &uow->outbox[i];
		bool has_one_part = row->part_count == 1;

		array_int2(partitions, row->partition);
		array_int4(heads, numbers[row->partition]);
		array_int8(steps, ++rows[row->partition]);
		array_int8(keys, flush->first_row + (int64_t)i);
		array_int8(products, has_one_part ? row->parts->product->key : 0);
		array_int8(firsts, has_one_part ? row->parts->first_version : 0);
		array_int8(lasts, has_one_part ? row->parts->last_version : 0);
		array_int8(previous, has_one_part ? row->parts->previous : 0);
		array_text(sections, has_one_part ? NULL : sections_of(flush->pipeline->arena, row));
		array_bytes(frames, row->frame);
	}
}

/*
 * A transaction that locks a head blocks every SKU of its partition.  A parked message may be slow at just
 * this statement (a trigger on the outbox): it then fails before the others' lock_timeout ends, and is
 * retried.
 */
static void limit_head_time(struct flush *flush)
{
	size_t bytes = 0;

	for (size_t i = 0; i < flush->uow->outbox_count; i++)
		bytes += flush->uow->outbox[i].frame.size;
	if (flush->uow->outbox_count)
		store_set_statement_time(flush->pipeline, HEADS_MS + (int)(bytes / BYTES_PER_MS));
}

void flush_outbox(struct flush *flush)
{
	int numbers[PARTITIONS], heads;

	insert_directory(flush);
	if (flush->store->is_parking)
		limit_head_time(flush);
	flush->outbox = query_pipeline_add(flush->pipeline, INSERT_OUTBOX);
	heads = add_heads(flush->uow, flush->outbox, numbers);
	add_rows(flush, flush->outbox, numbers);
	query_int8(flush->outbox, flush->uow->epoch);
	query_int8(flush->outbox, heads);
	query_text(flush->outbox, flush->uow->timeline);
}

/* The rows of a partition got the positions after its head, in their order. */
void flush_set_positions(struct flush *flush)
{
	int64_t heads[PARTITIONS] = {0};

	for (int row = 0; row < query_rows(flush->outbox); row++)
		heads[result_int2(flush->outbox, row, 0)] = result_int8(flush->outbox, row, 1);
	for (size_t i = 0; i < flush->uow->outbox_count; i++) {
		struct outbox_row *row = &flush->uow->outbox[i];

		row->position = ++heads[row->partition];
	}
}
