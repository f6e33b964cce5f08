/*
 * Counts the entries of a stream that were trimmed or deleted before any reader of the group got them: all
 * that were ever added, which Redis counts since version 7, less those that came.
 *
 * It settles when a look shows that the group has got every entry that is there.  What is missing then was
 * deleted, or the group was moved past it by hand: so the group is moved back to where nothing was missing,
 * and what is missing after that is lost.
 */
#ifndef ALLOCD_BUS_INTAKE_STREAM_ACCOUNT_H
#define ALLOCD_BUS_INTAKE_STREAM_ACCOUNT_H

#include "bus/ports/stream.h"

/* Entries that are remembered to have come; after more of them the group is not moved back. */
#define ACCOUNT_IDS_MAX 65536

struct stream_account {
	bool is_open;
	struct stream_id up_to;     /* every entry up to here is counted in */
	int64_t added;              /* how many were added up to there, lost ones included */
	struct stream_id settled;   /* where nothing was missing the last time */
	struct stream_id *received; /* since then; owned */
	size_t received_count;
	int64_t seen;            /* how many were added by the last look */
	struct stream_id handed; /* what is pending for the reader lies below */
	bool is_reading_again;   /* the group was, or is to be, moved back to `settled`; */
	bool is_back;            /* it was; */
	struct stream_id again;  /* since then every entry up to here came again, */
	int64_t found;           /* and these had not come before */
};

void account_release(struct stream_account *account);

/*
 * The stream is opened (again), and its group stands at `place`.  is_new: it is not the stream of before, or
 * it began again.  Returns how many entries were there at the last look, never came, and are gone with the
 * stream, or not in the older copy of it that came back.
 */
int64_t account_reopen(struct stream_account *account, const struct stream_state *found,
		       struct stream_id place, bool is_new);

/* A read of what is pending, or of new entries, brought these. */
void account_received(struct stream_account *account, const struct stream_entry *entries, size_t count,
		      bool were_pending);

/* Pending entries turned out to be gone, and nobody knows whether they had come. */
void account_lost_pending(struct stream_account *account);

/* The group was moved back to where nothing was missing. */
void account_moved_back(struct stream_account *account);

/*
 * Takes a later look.  Returns how many entries are missing: either is_reading_again turned true, and the
 * group is to be moved back to `settled`, or they are lost.
 */
int64_t account_reconcile(struct stream_account *account, const struct stream_state *state);

/* Whether a look is to come soon: entries were added that did not come yet. */
bool account_is_behind(const struct stream_account *account, const struct stream_state *state);

#endif
