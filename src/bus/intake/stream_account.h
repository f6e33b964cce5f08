/*
 * Counts the entries of a stream that were trimmed or deleted before any reader of the group received them:
 * all that were ever added, which Redis counts since version 7, less those that were received.
 *
 * The account is reconciled when the stream's state shows that the group has delivered every entry in the
 * stream.  Entries that are missing then were deleted, or the group was moved past them by hand.  So the
 * group is moved back to the last place where no entry was missing; entries that are still missing after
 * that are lost.
 */
#ifndef ALLOCD_BUS_INTAKE_STREAM_ACCOUNT_H
#define ALLOCD_BUS_INTAKE_STREAM_ACCOUNT_H

#include "bus/ports/stream.h"

/* The most received entries that are remembered; beyond them the group is not moved back. */
#define ACCOUNT_IDS_MAX 65536

struct stream_account {
	bool is_open;
	struct stream_id up_to;     /* every entry up to here is included; not open: the last one received */
	int64_t added;              /* how many were added up to there, lost ones included */
	struct stream_id settled;   /* the last place where no entry was missing */
	struct stream_id *received; /* entries received since then; owned */
	size_t received_count;
	int64_t seen;            /* how many had been added when the state was last read */
	struct stream_id handed; /* the group's place when the stream was last opened */
	bool is_reading_again;   /* the group was or is to be moved back to `settled` */
	bool is_back;            /* the group was moved back */
	struct stream_id again;  /* every entry up to here was received again after the move */
	int64_t found;           /* how many of those had not been received before */
};

void account_release(struct stream_account *account);

/*
 * The stream was opened (again), and its group is at `place`.  is_new: it is another stream than before, or
 * was recreated.  Returns how many entries were in the stream when its state was last read, were never
 * received, and are not in the stream any more, or not in the older copy of it that returned.
 */
int64_t account_reopen(struct stream_account *account, const struct stream_state *found,
		       struct stream_id place, bool is_new);

/* A read of pending or of new entries returned these. */
void account_received(struct stream_account *account, const struct stream_entry *entries, size_t count,
		      bool were_pending);

/* Pending entries turned out to be deleted, and it is unknown whether they had been received. */
void account_lost_pending(struct stream_account *account);

/* The group was moved back to the place where no entry was missing. */
void account_moved_back(struct stream_account *account);

/*
 * Reconciles the account with a later state.  Returns how many entries are missing: either is_reading_again
 * turned true, and the group is to be moved back to `settled`, or they are lost.
 */
int64_t account_reconcile(struct stream_account *account, const struct stream_state *state);

/* Whether to read the state again soon, because entries were added that were not received yet. */
bool account_is_behind(const struct stream_account *account, const struct stream_state *state);

#endif
