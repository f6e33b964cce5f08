/*
 * The status of a worker: one snapshot, from which readiness, the metric of troubles, the admin API and
 * `allocd status` answer.  The sampler fills it.
 */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_STATUS_H
#define ALLOCD_ENTRYPOINTS_STATUS_STATUS_H

#include "bus/base/stream_list.h"
#include "bus/statistics/histogram.h"
#include "core/base/arena.h"
#include "entrypoints/troubles/trouble.h"

/* Pub/sub, the streams and HTTP. */
#define STATUS_INPUTS_MAX (2 + STREAMS_MAX)

#define STATUS_NAME_MAX    320 /* of a worker: its host and its port */
#define STATUS_AWAITED_MAX 640

enum status_state { STATE_STARTING, STATE_HEALTHY, STATE_DEGRADED, STATE_NOT_READY, STATE_STOPPING };

/* Whether this worker, another one or none has the lease of an input. */
enum input_lease { INPUT_WITHOUT_LEASE, INPUT_IS_HERE, INPUT_IS_ELSEWHERE, INPUT_IS_NOWHERE };

struct status_input {
	const char *kind; /* "pubsub", "stream", "http" */
	const char *name;
	enum input_lease lease;
	bool is_read;                              /* it is reachable */
	uint64_t read, in_flight, pending, lost;   /* of a stream; see stream_reader.h */
	int64_t lag;                               /* entries that the group has not delivered; -1: unknown */
	int64_t pending_since_us, unread_since_us; /* when the oldest was added; 0: none, or unknown */
};

struct status_doing {
	size_t waiting, waiting_bytes; /* messages that are queued or in flight */
	bool queue_is_full;
	size_t parked_skus, postponed_skus;
	uint64_t messages, units;  /* committed */
	double messages_per_s;     /* committed in the last second */
	int64_t last_commit_us;    /* to a second; 0: none yet */
	struct histogram duration; /* of messages: microseconds from the receipt to the commit */
	double p50_ms, p99_ms;     /* of the same, lately; negative: no message was committed */
};

struct status_outputs {
	uint64_t published, unheard, unfenced; /* events */
	size_t unpublished;                    /* committed rows of the outbox */
	double events_per_s;                   /* published in the last second */
	bool is_up;                            /* Redis is connected, and accepted the last events */
};

struct status_dead_letters {
	int64_t kept, dropped; /* -1: not counted yet */
	int64_t last_hour;     /* how many came */
};

#define STATUS_REPLICAS_MAX 32

/* A worker of the same database. */
struct status_replica {
	char name[STATUS_NAME_MAX];
	bool is_this;
	uint64_t leases; /* bit N: it has the lease of input N */
};

struct status {
	int64_t at_us; /* when it was sampled, in microseconds since 1970, as all instants here */
	char name[STATUS_NAME_MAX];
	enum status_state state;
	int64_t since_us;                 /* of the state */
	char awaited[STATUS_AWAITED_MAX]; /* while it starts; or "" */
	struct trouble_list troubles;
	struct status_doing doing;
	struct status_input inputs[STATUS_INPUTS_MAX];
	size_t input_count;
	struct status_outputs outputs;
	struct status_dead_letters dead_letters;
	struct status_replica replicas[STATUS_REPLICAS_MAX];
	size_t replica_count;
	bool admin_writes; /* requests with the admin token may change something */
};

/* "healthy", "not_ready", … */
const char *status_state_name(enum status_state state);

/* Whether the worker is ready for all of its work, or only for commands over HTTP. */
enum readiness { READY_FOR_ALL, READY_FOR_HTTP };

bool status_is_ready(const struct status *status, enum readiness readiness);

/*
 * Why it is not ready, in `arena`: each trouble with the instant since when and the next step.  *since_us is
 * that of the oldest trouble.
 */
const char *status_reason(const struct status *status, enum readiness readiness, struct arena *arena,
			  int64_t *since_us);

/* A trouble in one line: what, since when, and the next step. */
const char *trouble_line(const struct trouble *trouble, struct arena *arena);

/* Why commands are not committed, in one line, or "". */
const char *status_database_trouble(const struct status *status, struct arena *arena);

#endif
