/* Checks what the database requires of a flush: revisions, unique keys, constraints. */
#include "adapters/memory/database/changes.h"

#include <stdlib.h>
#include <string.h>

static bool fail(struct failure *failure, enum failure_kind kind, const char *text)
{
	*failure = (struct failure){kind, text};
	return false;
}

static bool check_keys(const struct changes *changes, const struct database *database,
		       struct failure *failure)
{
	const struct witness_row *witness = map_get(&database->witnesses, changes->witness);

	if (witness && !witness->deleted)
		return fail(failure, FAILURE_CONFLICT, "the witness is there already");
	if (changes->outbox_count && changes->epoch != database->lives)
		return fail(failure, FAILURE_CONFLICT, "the outbox was renewed meanwhile");
	if (changes->outbox_count && changes->timeline[0] && atoi(changes->timeline) != database->timeline)
		return fail(failure, FAILURE_RETRY, "the server is on another timeline");
	for (size_t i = 0; i < changes->inbox_count; i++) {
		if (database_inbox(database, changes->inbox[i].key))
			return fail(failure, FAILURE_CONFLICT, "the message's id was spent meanwhile");
	}
	return true;
}

bool database_has_leases(const struct database *database, const struct lease_row *leases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct lease_row *row = database_lease(database, leases[i].name);

		if (!row || strcmp(row->term, leases[i].term) != 0)
			return false;
	}
	return true;
}

static bool check_products(const struct changes *changes, const struct database *database,
			   struct failure *failure)
{
	for (size_t i = 0; i < changes->product_count; i++) {
		const struct product_change *change = &changes->products[i];
		const struct product_row *row = database_product(database, change->sku);

		if (change->revision != (row ? row->revision : 0))
			return fail(failure, FAILURE_CONFLICT, "a product has another revision by now");
	}
	return true;
}

/* Whether a test refuses the text; if so, sets the failure. */
static bool is_refused(const struct database *database, const char *text, const char *what,
		       struct failure *failure)
{
	const struct refusal *refusal = database_refusal(database, text);

	return refusal && !fail(failure, refusal->kind, what);
}

static bool check_batches(const struct changes *changes, const struct database *database,
			  struct failure *failure)
{
	for (size_t i = 0; i < changes->batch_count; i++) {
		const struct batch_row *row = &changes->batches[i].row;

		if (changes->batches[i].is_new && database_batch(database, row->reference))
			return fail(failure, FAILURE_CONFLICT, "the batch was created meanwhile");
		if (row->allocated < 0 || row->allocated > row->purchased)
			return fail(failure, FAILURE_DATA, "constraint: 0 <= allocated <= purchased");
		if (is_refused(database, row->reference, "constraint: this batch is refused", failure))
			return false;
	}
	return true;
}

static bool check_lines(const struct changes *changes, const struct database *database,
			struct failure *failure)
{
	for (size_t i = 0; i < changes->line_count; i++) {
		const struct line_row *row = &changes->lines[i].row;

		if (changes->lines[i].is_new && database_line(database, row->sku, row->orderid, row->qty))
			return fail(failure, FAILURE_CONFLICT, "the line was allocated meanwhile");
		if (is_refused(database, row->orderid, "constraint: this order is refused", failure))
			return false;
	}
	for (size_t i = 0; i < changes->notification_count; i++) {
		if (is_refused(database, changes->notifications[i].orderid,
			       "constraint: this order is refused", failure))
			return false;
	}
	return true;
}

static bool check_ids(const struct changes *changes, const struct database *database, struct failure *failure)
{
	for (size_t i = 0; i < changes->inbox_count; i++) {
		if (is_refused(database, changes->inbox[i].id, "constraint: this id is refused", failure))
			return false;
	}
	for (size_t i = 0; i < changes->dead_count; i++) {
		if (changes->dead[i].id && is_refused(database, changes->dead[i].id,
						      "constraint: this dead letter is refused", failure))
			return false;
	}
	return true;
}

/* Whether no dead letter, and none of the changes before it, is of the same entry. */
static bool is_new_entry(const struct changes *changes, const struct database *database, size_t number)
{
	const struct dead_letter_row *letter = &changes->dead[number];

	if (!letter->entry_id || database_find_entry(database, letter))
		return false;
	for (size_t i = 0; i < number; i++) {
		if (database_is_same_entry(&changes->dead[i], letter))
			return false;
	}
	return true;
}

static bool check_letters(const struct changes *changes, const struct database *database,
			  struct failure *failure)
{
	int64_t count = 0;

	if (changes->new_letters < 0)
		return true;
	for (size_t i = 0; i < changes->dead_count; i++)
		count += is_new_entry(changes, database, i);
	return count == changes->new_letters ||
	       fail(failure, FAILURE_CONFLICT, "an entry became a dead letter meanwhile");
}

static bool check_replays(const struct changes *changes, const struct database *database,
			  struct failure *failure)
{
	for (size_t i = 0; i < changes->replay_count; i++) {
		const struct replay_row *replay = &changes->replays[i];
		const struct dead_letter_row *letter = database_dead_letter(database, replay->dead_letter);

		if (!letter || letter->attempts != replay->attempt - 1)
			return fail(failure, FAILURE_CONFLICT,
				    "a dead letter was replayed or discarded meanwhile");
	}
	return true;
}

bool changes_check(const struct changes *changes, const struct database *database, struct failure *failure)
{
	if (!database_has_leases(database, changes->leases, changes->lease_count))
		return fail(failure, FAILURE_FENCED, "another worker has taken a lease");
	return check_keys(changes, database, failure) && check_products(changes, database, failure) &&
	       check_batches(changes, database, failure) && check_lines(changes, database, failure) &&
	       check_ids(changes, database, failure) && check_replays(changes, database, failure) &&
	       check_letters(changes, database, failure);
}
