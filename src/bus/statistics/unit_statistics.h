/* What is measured of units of work. */
#ifndef ALLOCD_BUS_STATISTICS_UNIT_STATISTICS_H
#define ALLOCD_BUS_STATISTICS_UNIT_STATISTICS_H

#include "bus/statistics/histogram.h"

enum unit_stage {
	STAGE_WAIT,    /* of the unit's first message: from its receipt to the beginning of the unit */
	STAGE_LOAD,    /* the store loads */
	STAGE_HANDLE,  /* the unit is assembled, and its messages are handled */
	STAGE_FLUSH,   /* the store writes and commits */
	STAGE_PUBLISH, /* the broker publishes events of one partition, which may be of several units */
	UNIT_STAGES,
};

struct unit_statistics {
	struct histogram messages; /* of committed units */
	struct histogram
		stages[UNIT_STAGES]; /* microseconds; a unit that is redone goes through some again */
};

static inline void unit_statistics_add(struct unit_statistics *statistics, enum unit_stage stage,
				       int64_t duration_us)
{
	histogram_add(&statistics->stages[stage], &histogram_durations, duration_us);
}

#endif
