/* How much a counter rose in the last hour. */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_RECENT_H
#define ALLOCD_ENTRYPOINTS_STATUS_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#define RECENT_MINUTES 60 /* an hour */

/* Zeroed: nothing is known yet. */
struct recent {
	bool is_known;
	int64_t total, minute; /* when it was last counted */
	int64_t rises[RECENT_MINUTES];
};

/*
 * The counter is `total` now.  The first call tells where counting begins; a counter that falls is no rise.
 */
void recent_count(struct recent *recent, int64_t total, int64_t now_ms);

/* The rise in the last `minutes`, this one included; RECENT_MINUTES at most. */
int64_t recent_rise(const struct recent *recent, int minutes);

#endif
