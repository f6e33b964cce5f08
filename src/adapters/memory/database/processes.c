/* Begins, claims and ends processes, as the real database does. */
#include "adapters/memory/database/processes.h"

#include <string.h>

#define SECOND_US    INT64_C(1000000)
#define TOLERANCE_US (300 * SECOND_US) /* how far an event may be dated from the future */

static struct process_row *find(const struct database *database, const char *event)
{
	for (size_t i = 0; i < database->process_count; i++) {
		if (!database->processes[i]->deleted && !strcmp(database->processes[i]->event, event))
			return database->processes[i];
	}
	return NULL;
}

/* Returns NULL if a restored database does not have it. */
static struct process_row *find_by_key(const struct database *database, int64_t key)
{
	return key <= (int64_t)database->process_count ? database->processes[key - 1] : NULL;
}

static void add_line(struct database *database, struct process_row *row, const char *sku, int32_t qty)
{
	for (size_t i = 0; i < row->line_count; i++) {
		if (row->lines[i].qty == qty && !strcmp(row->lines[i].sku, sku))
			return;
	}
	row->lines = arena_grow(database->arena, row->lines, row->line_count, sizeof *row->lines);
	row->lines[row->line_count++] =
		(struct order_line){.sku = arena_strdup(database->arena, sku), .qty = qty};
}

/* The lines that hold stock or are displaced, and those that are pending. */
static void add_lines(struct database *database, struct process_row *row, const struct process_start *start)
{
	const char *orderid = message_text(&start->event->envelope.message, "orderid");

	for (size_t i = 0; i < database->product_count; i++) {
		for (const struct line_row *it = database->product_list[i]->lines; it; it = it->next) {
			if ((it->batchref || it->displaced) && !strcmp(it->orderid, orderid))
				add_line(database, row, it->sku, it->qty);
		}
	}
	for (size_t i = 0; i < start->pending_count; i++)
		add_line(database, row, start->pending[i].sku, start->pending[i].qty);
}

/* The event is done as a whole, if this is its part on one stream; or its part on this stream is done. */
static bool is_otherwise_spent(const struct database *database, const struct delivery *event)
{
	const struct inbox_key *key = &event->inbox;
	const char *part = delivery_part(event);
	size_t prefix = strlen(PART_SOURCE);
	bool is_part = !strncmp(key->source, PART_SOURCE, prefix);
	const char *other =
		is_part ? arena_printf(database->arena, "%s\xff%.*s", key->source + prefix,
				       (int)(strlen(key->id) - strlen(part)), key->id)
			: arena_printf(database->arena, PART_SOURCE "%s\xff%s%s", key->source, key->id, part);

	return *part && database_inbox(database, other);
}

static struct process_row *begin(struct database *database, struct process_start *start)
{
	const struct delivery *event = start->event;
	struct arena *arena = database->arena;
	struct process_row *row;

	if (database_inbox(database, event->inbox_key) || is_otherwise_spent(database, event))
		return NULL;
	start->is_from_future = event->envelope.occurred_at != NO_INSTANT &&
				event->envelope.occurred_at > database_now(database) + TOLERANCE_US;
	if (start->is_from_future || database_is_stale(database, event->replay))
		return NULL;
	row = arena_alloc(arena, sizeof *row);
	*row = (struct process_row){
		.key = (int64_t)database->process_count + 1,
		.event = arena_strdup(arena, event->inbox_key),
		.is_from_stream = event->transport == TRANSPORT_STREAM,
		.inbox = {arena_strdup(arena, event->inbox.message), arena_strdup(arena, event->inbox.source),
			  arena_strdup(arena, event->inbox.id)},
		.type = event->type,
		.digest = event->digest,
		.origin = arena_strdup(arena, event->origin),
		.payload = {arena_copy(arena, event->payload.data, event->payload.size), event->payload.size},
		.due_at = database_now(database) + SECOND_US * (event->transport == TRANSPORT_STREAM
									? PROCESS_LEASE_OF_STREAM
									: PROCESS_LEASE),
		.began_after = database->inbox_count,
	};
	add_lines(database, row, start);
	database->processes =
		arena_grow(arena, database->processes, database->process_count, sizeof *database->processes);
	database->processes[database->process_count++] = row;
	return row;
}

void database_begin_processes(struct database *database, struct process_start *starts, size_t count,
			      struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		struct process_start *start = &starts[i];
		const struct process_row *row = find(database, start->event->inbox_key);

		start->is_answered = true;
		start->is_from_future = false;
		if (!row)
			row = begin(database, start);
		start->key = row ? row->key : 0;
		if (!row)
			continue;
		start->digest = row->digest;
		start->lines = arena_copy(arena, row->lines, row->line_count * sizeof *row->lines);
		start->line_count = row->line_count;
	}
}

/*
 * In microseconds.  Different from process to process, and from takeover to takeover, by no whole seconds: of
 * workers that look at fixed times, not always the same one is to come first.
 */
static int64_t spread(const struct process_row *row)
{
	return (row->key + row->takeovers) * 3618034 % (PROCESS_LEASE_SPREAD * SECOND_US);
}

static bool is_claimed(const struct process_claim *claim, const struct process_row *row)
{
	size_t i = 0;

	while (i < claim->stream_count && strcmp(claim->streams[i], row->origin) != 0)
		i++;
	return !row->is_from_stream || i < claim->stream_count;
}

size_t database_claim_processes(struct database *database, const struct process_claim *claim,
				struct due_process *due, struct arena *arena)
{
	int64_t now = database_now(database);
	size_t count = 0;

	for (size_t i = 0; i < claim->running_count; i++) {
		struct process_row *row = find_by_key(database, claim->running[i]);

		if (row && row->due_at < now + PROCESS_LEASE * SECOND_US)
			row->due_at = now + PROCESS_LEASE * SECOND_US;
	}
	for (size_t i = 0; i < database->process_count && count < claim->max; i++) {
		struct process_row *row = database->processes[i];

		if (row->deleted || row->due_at > now || !is_claimed(claim, row))
			continue;
		row->due_at = now + SECOND_US * PROCESS_LEASE - spread(row);
		row->takeovers++;
		due[count++] = (struct due_process){
			.key = row->key,
			.type = row->type,
			.inbox = {row->inbox.message, row->inbox.source, row->inbox.id},
			.is_from_stream = row->is_from_stream,
			.origin = row->origin,
			.payload = {arena_copy(arena, row->payload.data, row->payload.size),
				    row->payload.size},
		};
	}
	return count;
}

void database_end_process(struct database *database, int64_t key)
{
	struct process_row *row = find_by_key(database, key);

	if (row)
		row->deleted = true;
}
