/* What the parts of a worker report to the sampler, and what follows from it. */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_OBSERVATION_H
#define ALLOCD_ENTRYPOINTS_STATUS_OBSERVATION_H

#include "bus/engine/engine.h"
#include "bus/intake/stream_reader.h"
#include "entrypoints/status/frequent_cause.h"
#include "entrypoints/status/status.h"

/* Why a part does not do its work. */
struct report {
	bool is_bad;
	const char *text; /* the error; "": unknown */
	int64_t for_ms;   /* how long it has lasted */
};

/* Texts are valid as long as the observation is. */
struct observation {
	/* The database and the engine. */
	struct report units;   /* of work are not committed */
	struct report reads;   /* are not answered */
	struct report parked;  /* a SKU waits */
	bool is_restored;      /* the database is older than what was published */
	int64_t breaches;      /* that the last `allocd verify` found, */
	int64_t view_breaches; /* and those of the read model among them */
	int64_t skew_us; /* how far the database's clock is ahead of this machine's, at least; or behind */
	size_t damaged;  /* partitions that a damaged outbox row holds up; one of them, and that row: */
	int damaged_partition;
	int64_t damaged_position;
	bool damaged_is_absent;
	bool pauses_pubsub;
	bool is_mail_down;
	int64_t dead_letters_max;
	const struct message_statistics *by_message; /* NULL: not counted */

	/* Redis.  While it cannot be reached, nothing else about it is reported. */
	const char *redis;          /* its address */
	struct report subscription; /* is not up */
	struct report publisher;    /* is not up */
	struct report heartbeat;    /* does not arrive; `text`: why Redis refused to send it */
	struct report events;       /* are refused, or wait */
	bool is_out_of_memory;
	uint64_t unheard_expected;              /* events without a subscriber that need none */
	struct report streams[STREAM_TROUBLES]; /* the first stream of each kind */
	bool is_lease_lost;                     /* of the stream that is not read */
	struct report behind;                   /* the stream whose entries have waited longest */

	/* The parts of the status that need no judgement. */
	struct status_doing doing;
	struct status_input inputs[STATUS_INPUTS_MAX];
	size_t input_count;
	struct status_outputs outputs;
	struct status_dead_letters dead_letters;
	struct status_replica *replicas; /* NULL: not known at the moment */
	size_t replica_count;
};

/* What the engine and its parts report. */
void observe_engine(struct observation *observation, const struct engine *engine);

/* How much counters rose lately. */
struct rises {
	int64_t dead_letters;        /* in an hour */
	int64_t lost;                /* entries of streams, in an hour */
	const char *lost_by;         /* the stream that lost the last of them; or "" */
	int64_t unheard;             /* events, in ten minutes */
	struct frequent_cause cause; /* of the dead letters of this worker, in an hour */
};

/* Notes every trouble that follows, in a round of the list. */
void status_judge(const struct observation *observation, const struct rises *rises, int64_t now_us,
		  struct trouble_list *troubles);

#endif
