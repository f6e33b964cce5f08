/* Reads and small writes, one function for each call of the store. */
#include "adapters/memory/store/housekeeping.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US    (24 * 60 * 60 * SECOND_US)

/* One cleanup deletes at most this many witnesses, inbox rows, and outbox rows of a partition. */
#define DELETE_EXPIRED_ROWS 1000
#define WITNESS_DAYS        1
#define OUTBOX_DAYS         7
#define HISTORY_DAYS        90

void database_resolve(const struct database *database, struct resolved_batch *batches, size_t count,
		      struct arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		const struct batch_row *row = database_batch(database, batches[i].reference);

		batches[i].sku = row ? arena_strdup(arena, row->sku) : NULL;
	}
}

/* ---- the outbox ---- */

void database_read_cursors(const struct database *database, struct outbox_state *state)
{
	snprintf(state->incarnation, sizeof state->incarnation, "%s", database->incarnation);
	state->epoch = database->lives;
	snprintf(state->system, sizeof state->system, "7");
	snprintf(state->timeline, sizeof state->timeline, "%08d", database->timeline);
	for (int i = 0; i < PARTITIONS; i++) {
		state->cursors[i] = database->outbox[i].cursor;
		state->heads[i] = (int64_t)database->outbox[i].count;
	}
}

static void read_row(struct outbox_range *range, const struct stored_outbox_row *row, int64_t position)
{
	range->rows = arena_grow(range->arena, range->rows, range->row_count, sizeof *range->rows);
	range->rows[range->row_count++] = (struct outbox_row){
		.partition = range->partition,
		.frame = {arena_copy(range->arena, row->frame.data, row->frame.size), row->frame.size},
		.position = position,
	};
}

void database_read_outbox(const struct database *database, struct outbox_range *range)
{
	const struct outbox_partition *partition = &database->outbox[range->partition];
	size_t bytes = 0;

	range->rows = NULL;
	range->row_count = 0;
	range->head = (int64_t)partition->count;
	range->epoch = database->lives;
	for (size_t i = (size_t)range->after; i < partition->count && range->row_count < range->rows_max;
	     i++) {
		const struct stored_outbox_row *row = &partition->rows[i];

		bytes += row->frame.size;
		if (i < partition->deleted || (range->row_count && bytes > range->bytes_max))
			break;
		read_row(range, row, (int64_t)i + 1);
	}
}

/* ---- notifications ---- */

size_t database_claim_notifications(struct database *database, struct notification *notifications, size_t max,
				    struct arena *arena)
{
	size_t count = 0;

	for (size_t i = 0; i < database->notification_count && count < max; i++) {
		struct notification_row *row = database->notifications[i];

		if (row->deleted || row->due_at > database_now(database))
			continue;
		row->due_at = database_now(database) + NOTIFICATION_LEASE * SECOND_US;
		notifications[count++] = (struct notification){
			.key = row->key,
			.sku = arena_strdup(arena, row->sku),
			.orderid = arena_strdup(arena, row->orderid),
			.qty = row->qty,
			.attempts = row->attempts,
			.recipient = row->recipient ? arena_strdup(arena, row->recipient) : NULL,
		};
	}
	return count;
}

/* Only tests read the text, so quotes in it are not escaped. */
static void bury(struct database *database, const struct notification_row *row, const char *reason)
{
	const char *to =
		row->recipient ? arena_printf(database->arena, ",\"to\":\"%s\"", row->recipient) : "";
	const char *payload =
		arena_printf(database->arena, "{\"sku\":\"%s\",\"orderid\":\"%s\",\"qty\":%d%s}", row->sku,
			     row->orderid, row->qty, to);

	database_add_dead_letter(database, &(struct dead_letter_row){
						   .outcome = OUTCOME_FAILED,
						   .reason = reason,
						   .is_mail = true,
						   .origin = message_name(MSG_OUT_OF_STOCK),
						   .type = MSG_OUT_OF_STOCK,
						   .source = "",
						   .payload = {payload, strlen(payload)},
						   .payload_size = strlen(payload),
						   .attempts = row->attempts,
					   });
	database_cap_dead_letters(database);
}

/* Returns NULL if it is not there any more, or a restored database does not have it. */
static struct notification_row *find_notification(const struct database *database, int64_t key)
{
	struct notification_row *row =
		key <= (int64_t)database->notification_count ? database->notifications[key - 1] : NULL;

	return row && !row->deleted ? row : NULL;
}

void database_record_notification(struct database *database, int64_t key, enum notification_result result,
				  int retry_seconds, const char *reason)
{
	struct notification_row *row = find_notification(database, key);

	if (!row)
		return;
	row->deleted = result != NOTIFICATION_POSTPONED;
	row->attempts += result != NOTIFICATION_DELIVERED;
	row->due_at = database_now(database) + retry_seconds * SECOND_US;
	if (result == NOTIFICATION_DEAD)
		bury(database, row, reason);
}

void database_split_notification(struct database *database, int64_t key, const char *const *recipients,
				 size_t count, int64_t *keys)
{
	struct notification_row *whole = find_notification(database, key), *part;

	for (size_t i = 0; i < count; i++) {
		keys[i] = 0;
		if (!whole || whole->recipient)
			continue;
		part = arena_copy(database->arena, whole, sizeof *whole);
		part->recipient = arena_strdup(database->arena, recipients[i]);
		part->due_at = database_now(database) + NOTIFICATION_LEASE * SECOND_US;
		database->notifications =
			arena_grow(database->arena, database->notifications, database->notification_count,
				   sizeof *database->notifications);
		database->notifications[database->notification_count++] = part;
		part->key = keys[i] = (int64_t)database->notification_count;
	}
	if (whole)
		whole->deleted = true;
}

void database_read_stock(struct database *database, const char *sku, struct stock *stock, struct arena *arena)
{
	const struct product_row *product = database_product(database, sku);

	*stock = (struct stock){.incarnation = arena_strdup(arena, database->incarnation)};
	for (const struct batch_row *row = product ? product->batches : NULL; row; row = row->next) {
		if (row->purchased <= row->allocated)
			continue;
		stock->has_more = stock->count == STOCK_BATCHES_MAX;
		if (stock->has_more)
			break;
		stock->batches[stock->count++] = (struct stock_batch){
			arena_strdup(arena, row->reference), row->eta, row->purchased - row->allocated};
	}
}

/* ---- shrinks ---- */

size_t database_find_active_shrinks(const struct database *database, const char **skus, size_t max,
				    size_t *last, struct arena *arena)
{
	size_t count = 0, from = *last;

	for (size_t i = 1; i <= database->product_count && count < max; i++) {
		size_t at = (from + i) % database->product_count;

		if (!database->product_list[at]->shrink.batchref)
			continue;
		skus[count++] = arena_strdup(arena, database->product_list[at]->sku);
		*last = at;
	}
	return count;
}

/* ---- tidying up ---- */

static bool tidy_witnesses(struct database *database)
{
	int64_t oldest = database_now(database) - WITNESS_DAYS * DAY_US;
	size_t deleted = 0;

	for (size_t i = 0; i < database->witness_count && deleted < DELETE_EXPIRED_ROWS; i++) {
		struct witness_row *row = database->witness_list[i];

		if (!row->deleted && row->at < oldest) {
			row->deleted = true;
			deleted++;
		}
	}
	return deleted == DELETE_EXPIRED_ROWS;
}

static bool tidy_inbox(struct database *database)
{
	int64_t oldest = database_now(database) - database->config.inbox_days * DAY_US;
	size_t deleted = 0;

	for (size_t i = 0; i < database->inbox_count && deleted < DELETE_EXPIRED_ROWS; i++) {
		struct inbox_row *row = database->inbox_list[i];

		if (!row->deleted && row->handled_at < oldest) {
			row->deleted = true;
			deleted++;
		}
	}
	return deleted == DELETE_EXPIRED_ROWS;
}

/* Unpublished rows are kept, regardless of their age. */
static bool tidy_partition(struct database *database, struct outbox_partition *partition)
{
	int64_t oldest = database_now(database) - OUTBOX_DAYS * DAY_US;
	size_t end = partition->deleted + DELETE_EXPIRED_ROWS;

	while (partition->deleted < end && partition->deleted < (size_t)partition->cursor &&
	       partition->rows[partition->deleted].committed_at < oldest)
		partition->deleted++;
	return partition->deleted == end;
}

/* Replays are kept in chronological order, so the old ones come first. */
static void tidy_replays(struct database *database)
{
	int64_t oldest = database_now(database) - HISTORY_DAYS * DAY_US;
	size_t old = 0;

	while (old < database->replay_count && database->replays[old].at < oldest)
		old++;
	database->replay_count -= old;
	if (old)
		memmove(database->replays, database->replays + old,
			database->replay_count * sizeof *database->replays);
}

static bool tidy_dead_letters(struct database *database)
{
	int64_t oldest = database_now(database) - database->config.dead_letters_days * DAY_US;
	size_t kept = 0, dropped = 0;

	for (size_t i = 0; i < database->dead_letter_count; i++) {
		const struct dead_letter_row *letter = &database->dead_letters[i];

		if (letter->last_at < oldest && dropped < DELETE_EXPIRED_ROWS)
			dropped++;
		else
			database->dead_letters[kept++] = *letter;
	}
	database->dead_letter_count = kept;
	database->dead_letters_dropped += dropped;
	return dropped == DELETE_EXPIRED_ROWS;
}

void database_clean_up(struct database *database, struct cleanup *cleanup)
{
	bool more_witnesses = tidy_witnesses(database), more_inbox = tidy_inbox(database),
	     more_letters = tidy_dead_letters(database), more_outbox = false;

	for (int i = 0; i < PARTITIONS; i++)
		more_outbox |= tidy_partition(database, &database->outbox[i]);
	tidy_replays(database);
	*cleanup = (struct cleanup){
		.more = more_witnesses || more_inbox || more_letters || more_outbox,
		.dead_letters = (int64_t)database->dead_letter_count,
		.dead_letters_dropped = (int64_t)database->dead_letters_dropped,
	};
}
