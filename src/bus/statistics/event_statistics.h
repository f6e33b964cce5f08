/* What became of events that a broker was to publish: each attempt is counted in one result. */
#ifndef ALLOCD_BUS_STATISTICS_EVENT_STATISTICS_H
#define ALLOCD_BUS_STATISTICS_EVENT_STATISTICS_H

#include "core/message.h"

enum event_result {
	EVENT_PUBLISHED, /* and received by a subscriber of its channel */
	EVENT_UNHEARD,   /* published; no subscriber received it */
	EVENT_UNFENCED,  /* published without fence and stream: the broker was out of memory */
	EVENT_FAILED,    /* not published; it will be tried again */
	EVENT_RESULTS,
};

struct event_statistics {
	uint64_t counts[MSG_TYPES][EVENT_RESULTS];
};

#endif
