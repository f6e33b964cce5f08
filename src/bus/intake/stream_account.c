/* Compares the entries that were added to a stream with those that were received. */
#include "bus/intake/stream_account.h"

#include "core/base/must.h"

#include <stdlib.h>

static bool is_below(struct stream_id left, struct stream_id right)
{
	return stream_id_compare(left, right) < 0;
}

void account_release(struct stream_account *account)
{
	free(account->received);
	*account = (struct stream_account){0};
}

static void open_at(struct stream_account *account, struct stream_id place, int64_t added)
{
	account->is_open = true;
	account->is_reading_again = account->is_back = false;
	account->up_to = account->settled = place;
	account->added = added;
	account->received_count = 0;
}

static void close_account(struct stream_account *account)
{
	account->is_open = account->is_reading_again = account->is_back = false;
}

/* Entries that were in the stream when its state was last read, were not received, and are not in it now. */
static int64_t left_behind(const struct stream_account *account, int64_t added_now)
{
	int64_t kept = added_now > account->added ? added_now : account->added;

	return account->is_open && account->seen > kept ? account->seen - kept : 0;
}

/* Whether the group, which is at that place, has delivered every entry of the stream. */
static bool is_read(const struct stream_state *state, struct stream_id place)
{
	return !is_below(place, state->last_present) && !is_below(state->last_generated, place);
}

int64_t account_reopen(struct stream_account *account, const struct stream_state *found,
		       struct stream_id place, bool is_new)
{
	static const struct stream_id beginning = {0, 0};
	int64_t lost = 0;

	if (is_new)
		lost = left_behind(account, 0);
	else if (found->added >= 0)
		lost = left_behind(account, found->added);
	if (is_new || found->added < account->added || (!found->has_group && is_below(account->up_to, place)))
		close_account(account);
	if (!account->is_open)
		account->up_to = beginning;
	if (!account->is_open && found->added >= 0) {
		if (is_read(found, place))
			open_at(account, found->last_generated, found->added);
		else if (is_new &&
			 !is_below(beginning, place)) /* every entry that was ever added is to be received */
			open_at(account, place, 0);
	}
	account->seen = found->added;
	account->handed = place;
	return lost;
}

/* The array grows when its count is a power of two. */
static void remember(struct stream_account *account, struct stream_id id)
{
	size_t count = account->received_count;

	if (count == ACCOUNT_IDS_MAX)
		return;
	if (!(count & (count - 1)))
		account->received = must(realloc(account->received, (count ? 2 * count : 1) * sizeof id));
	account->received[account->received_count++] = id;
}

static int compare(const void *left, const void *right)
{
	return stream_id_compare(*(const struct stream_id *)left, *(const struct stream_id *)right);
}

static bool was_received(const struct stream_account *account, struct stream_id id)
{
	return account->received_count &&
	       bsearch(&id, account->received, account->received_count, sizeof id, compare) != NULL;
}

static void note_again(struct stream_account *account, struct stream_id id)
{
	bool is_found = is_below(account->again, id) && !was_received(account, id);

	account->again = is_below(account->again, id) ? id : account->again;
	account->found += is_found;
	account->added += is_found;
}

static void note_received(struct stream_account *account, struct stream_id id)
{
	if (!account->is_open) {
		account->up_to = is_below(account->up_to, id) ? id : account->up_to;
	} else if (is_below(account->up_to, id)) {
		remember(account, id);
		account->up_to = id;
		account->added++;
		account->again = id;
	} else if (account->is_back) {
		note_again(account, id);
	}
}

/* Pending entries above the place of the group are received again as new ones. */
void account_received(struct stream_account *account, const struct stream_entry *entries, size_t count,
		      bool were_pending)
{
	for (size_t i = 0; i < count; i++) {
		struct stream_id id = entries[i].id;

		if (!were_pending || (is_below(account->up_to, id) && !is_below(account->handed, id)))
			note_received(account, id);
	}
}

void account_lost_pending(struct stream_account *account)
{
	if (is_below(account->up_to, account->handed))
		close_account(account);
}

/* The group is moved back once more if the connection was lost meanwhile. */
void account_moved_back(struct stream_account *account)
{
	account->is_back = true;
	account->again = account->settled;
	account->added -= account->found;
	account->found = 0;
}

/*
 * Whether this reader received every entry that the group delivered, as far as the account includes them, and
 * none added after the state was read: reads have a connection of their own, and may overtake the state.
 */
static bool is_level(const struct stream_account *account, const struct stream_state *state)
{
	return (!account->is_open || !is_below(account->up_to, state->delivered)) &&
	       !is_below(state->last_generated, account->up_to);
}

int64_t account_reconcile(struct stream_account *account, const struct stream_state *state)
{
	int64_t missing;

	account->seen = state->added;
	if (state->added < 0 || state->consumers > 1) {
		close_account(account);
		return 0;
	}
	if (!is_read(state, state->delivered) || !is_level(account, state))
		return 0;
	missing = account->is_open && state->added > account->added ? state->added - account->added : 0;
	if (missing && !account->is_reading_again && account->received_count < ACCOUNT_IDS_MAX) {
		account->is_reading_again = true;
		account->found = 0;
	} else {
		open_at(account, state->last_generated, state->added);
	}
	return missing;
}

bool account_is_behind(const struct stream_account *account, const struct stream_state *state)
{
	return account->is_open && account->added < state->added;
}
