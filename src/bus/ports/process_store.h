/* Port: what is recorded of a process when it begins.  See store_done.h for what every call has in common. */
#ifndef ALLOCD_BUS_PORTS_PROCESS_STORE_H
#define ALLOCD_BUS_PORTS_PROCESS_STORE_H

#include "bus/messages/delivery.h"
#include "bus/ports/store_done.h"
#include "core/product.h"

/* An event that is to begin a process. */
struct process_start {
	const struct delivery *event;     /* its inbox key identifies the process */
	const struct order_line *pending; /* lines that commands before the event may still allocate */
	size_t pending_count;

	bool is_answered;    /* false: the answer had no room for it; it is to be asked for again */
	bool is_from_future; /* by the database's clock: no process began */
	int64_t key; /* of the process; 0: none began, also because its id is spent, or its replay stale */
	uint64_t digest;          /* of the event that began the process */
	struct order_line *lines; /* in `arena`, without their order */
	size_t line_count;
};

struct process_store {
	const struct process_store_ops *ops;
};

struct process_store_ops {
	/*
	 * Records a process for each event, in one transaction, with the lines that hold stock or are
	 * displaced, and those that are pending.  A process that is recorded already has the lines that it
	 * began with.  No two events have one inbox key.
	 */
	void (*begin)(struct process_store *store, struct process_start *starts, size_t count,
		      struct arena *arena, store_done *done, void *context);
};

/* A living worker claims its processes again in time; from one that died, another one takes them over. */
#define PROCESS_LEASE 60

/*
 * The same for an event from a stream.  The stream delivers it again, in its place among the messages of the
 * stream, and much sooner than this, so only an entry that was deleted is taken over in this way.  A worker
 * does that only if it has read the entries that were in front of it.
 */
#define PROCESS_LEASE_OF_STREAM 600

/*
 * The lease of a process that a worker finds is up to that much shorter, at random.  Otherwise the same
 * worker would be the first to find it each time, even one that has no room for it.
 */
#define PROCESS_LEASE_SPREAD 10

/* What a worker claims. */
struct process_claim {
	const int64_t *running; /* the processes that it runs */
	size_t running_count;
	const char *const *streams; /* it takes over events from these alone, and those from no stream */
	size_t stream_count;
	size_t max; /* of the processes that are due */
};

/* A process whose worker does not claim it any more. */
struct due_process {
	int64_t key;
	enum message_type type;
	struct inbox_key inbox;
	bool is_from_stream;
	const char *origin;
	struct bytes payload;
};

#endif
