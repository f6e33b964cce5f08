/* The message that became a dead letter most often in the last hour, and the reason, in this worker. */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_FREQUENT_CAUSE_H
#define ALLOCD_ENTRYPOINTS_STATUS_FREQUENT_CAUSE_H

#include "bus/statistics/message_statistics.h"
#include "entrypoints/status/recent.h"

/* Zeroed: nothing is known yet. */
struct causes {
	struct recent of[MSG_TYPES][REASON_CODES];
};

struct frequent_cause {
	const char *message, *reason; /* constant: "allocate", "invalid_sku" */
	int64_t count;                /* 0: no message became a dead letter, and the names are NULL */
};

/* The counters are those of `statistics` now; see recent_count(). */
void causes_count(struct causes *causes, const struct message_statistics *statistics, int64_t now_ms);

struct frequent_cause causes_most_frequent(const struct causes *causes);

#endif
