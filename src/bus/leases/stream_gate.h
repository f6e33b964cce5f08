/*
 * Which streams this worker may take, as the database said in the last roll: see base/stream_plan.h.
 *
 * Each take is bound to the text that the worker follows: it fails if the database has another one by then.
 * So on one stream no journey begins under the former range after one that began under the new range, even
 * if its reader was stopped in between.
 */
#ifndef ALLOCD_BUS_LEASES_STREAM_GATE_H
#define ALLOCD_BUS_LEASES_STREAM_GATE_H

#include "bus/base/stream_plan.h"

struct stream_gate {
	struct stream_list *list; /* of this worker, with the prefix; NULL: the database is not asked */
	const char *prefix;
	struct arena *arena; /* holds what follows */
	const char *text;
	struct stream_plan plan;
	bool is_other; /* the database has a list that excludes this worker's: it takes no stream */
};

/* The list outlives the gate, which sets its `grows_from`. */
void stream_gate_init(struct stream_gate *gate, struct stream_list *list, const char *prefix);
void stream_gate_release(struct stream_gate *gate);

/* Follows what the database says from now on; returns whether it is something else than before. */
bool stream_gate_follow(struct stream_gate *gate, const char *text);

/* Whether the lease is that of a stream of this worker's list. */
bool stream_gate_has(const struct stream_gate *gate, const char *lease);

/* Whether the lease is that of a stream that no worker takes yet. */
bool stream_gate_is_to_come(const struct stream_gate *gate, const char *lease);

/* Whether this worker may take the lease, as far as the streams are concerned. */
bool stream_gate_is_open(const struct stream_gate *gate, const char *lease);

#endif
