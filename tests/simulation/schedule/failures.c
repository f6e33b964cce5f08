/* The words for calls and for what becomes of them. */
#include "simulation/schedule/failures.h"

#include "simulation/schedule/schedule.h"

static const char *const store_calls[STORE_CALLS] = {
	[CALL_RESOLVE] = "a search for the SKUs of batches",
	[CALL_BEGIN_PROCESSES] = "the beginning of processes",
	[CALL_LOAD] = "a load",
	[CALL_FLUSH] = "a flush",
	[CALL_RESOLVE_COMMIT] = "the question whether a flush was committed",
	[CALL_FIND_LOCKED] = "a search for locked products",
	[CALL_FIND_LOST_LEASES] = "a search for lost leases",
	[CALL_PROBE] = "a probe",
	[CALL_READ_CURSORS] = "a read of the cursors",
	[CALL_READ_OUTBOX] = "a read of the outbox",
	[CALL_SAVE_CURSORS] = "a save of the cursors",
	[CALL_CLAIM_NOTIFICATIONS] = "a claim of notifications",
	[CALL_RECORD_NOTIFICATION] = "the record of a notification",
	[CALL_SPLIT_NOTIFICATION] = "the split of a notification",
	[CALL_READ_STOCK] = "a read of the stock",
	[CALL_FIND_ACTIVE_SHRINKS] = "a search for shrinks",
	[CALL_CLAIM_PROCESSES] = "a claim of processes",
	[CALL_CLEAN_UP] = "a removal of old rows",
};

static const char *const store_ends[] = {
	[INJECT_NONE] = "succeeds",
	[INJECT_REFUSED] = "is refused",
	[INJECT_CONFLICT] = "conflicts with another transaction",
	[INJECT_DATA] = "is refused because of its data",
	[INJECT_BUSY] = "finds a lock that others hold",
	[INJECT_LOST_BEFORE] = "is lost before anything is done, with its connection",
	[INJECT_LOST_AFTER] = "loses its answer after it was done, with its connection",
	[INJECT_LOST_COMMITTING] = "loses its connection while it commits",
	[INJECT_LOST_ON_THE_WAY] = "loses its connection, and may arrive later",
};

static const char *const stream_calls[STREAM_CALLS] = {
	[STREAM_LOOK] = "a look at the stream",
	[STREAM_CREATE_GROUP] = "the creation of the group",
	[STREAM_MOVE_GROUP] = "a move of the group",
	[STREAM_MARK_LIFE] = "the mark of an incarnation",
	[STREAM_CLAIM] = "a claim of pending entries",
	[STREAM_READ_PENDING] = "a read of pending entries",
	[STREAM_READ_NEW] = "a read of new entries",
	[STREAM_UNBLOCK] = "the end of a read that waits",
	[STREAM_ACKNOWLEDGE] = "an acknowledgement",
	[STREAM_FORWARD] = "the forwarding of an entry",
	[STREAM_TRIM] = "a trim of the stream",
	[STREAM_END_CONNECTIONS] = "the end of another worker's connections",
};

static const char *const stream_ends[] = {
	[STREAM_WELL] = "succeeds",
	[STREAM_AWAY] = "does not reach Redis",
	[STREAM_REFUSED] = "is not permitted",
	[STREAM_NO_GROUP] = "finds no group",
	[STREAM_ANSWER_LOST] = "loses its answer after it was done",
};

void tell_store_failure(int worker, enum store_call call, enum store_injection injected)
{
	story("worker %d: %s %s", worker, store_calls[call], store_ends[injected]);
}

void tell_stream_failure(int worker, enum consumer_call_kind call, enum stream_injection injected)
{
	story("worker %d: %s %s", worker, stream_calls[call], stream_ends[injected]);
}
