/* What viewers are sent besides events: the status, the number of dead letters, and jobs. */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_LIVE_TOPICS_H
#define ALLOCD_ENTRYPOINTS_LIVE_LIVE_TOPICS_H

#include "entrypoints/live/live_hub.h"

#include <stdio.h>

/* Looking for changes costs no query: the figures are those of the sampler. */
struct live_topics {
	struct sampler *sampler;
	const struct job_table *jobs; /* NULL: not known yet */
	int64_t status_ms;            /* when the status was sent last */
	struct status_dead_letters letters;
	uint64_t jobs_revision;
};

/* Only what differs from now on counts as a change. */
void live_topics_begin(struct live_topics *topics, int64_t now_ms);

/* Writes the present state of the topics, for a new viewer. */
void live_topics_write(const struct live_topics *topics, unsigned wanted, FILE *out);

/* Writes what of the topic has changed since the last call, if anything. */
void live_topics_write_change(struct live_topics *topics, enum live_topic topic, int64_t now_ms, FILE *out);

#endif
