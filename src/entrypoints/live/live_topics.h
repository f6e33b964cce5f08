/* What viewers are sent besides events: the status, the number of dead letters, and jobs. */
#ifndef ALLOCD_ENTRYPOINTS_LIVE_LIVE_TOPICS_H
#define ALLOCD_ENTRYPOINTS_LIVE_LIVE_TOPICS_H

#include "entrypoints/live/live_hub.h"

#include <stdio.h>

/* The sampler's figures cost no query, so changes are looked for as often as the hub likes. */
struct live_topics {
	struct sampler *sampler;
	const struct job_table *jobs; /* NULL: not known yet */
	int64_t status_ms;            /* when the status was sent last */
	struct status_dead_letters letters;
	uint64_t jobs_revision;
};

/* What is known now is no change. */
void live_topics_begin(struct live_topics *topics, int64_t now_ms);

/* Those of the topics as they are now, for a new viewer. */
void live_topics_write(const struct live_topics *topics, unsigned wanted, FILE *out);

/* What has changed of the topic since the last call, if anything. */
void live_topics_write_change(struct live_topics *topics, enum live_topic topic, int64_t now_ms, FILE *out);

#endif
