/* Schedules the circular scan of a table. */
#include "adapters/postgres/housekeeping/expired_rows.h"

#define SECOND_US INT64_C(1000000)
#define DAY_S     86400

static void update_schedule(struct expired_rows *expired, int64_t pages, int64_t now)
{
	int64_t seconds = expired->at ? (now - expired->at) / SECOND_US : 0;

	if (seconds > DAY_S)
		seconds = DAY_S;
	if (seconds > 0)
		expired->due += pages * seconds / DAY_S;
	if (seconds > 0 || !expired->at)
		expired->at = now;
}

bool expired_rows_advance(struct expired_rows *expired, int64_t pages, int64_t gone, int64_t now)
{
	update_schedule(expired, pages, now);
	expired->due = expired->due > SWEEP_PAGES ? expired->due - SWEEP_PAGES : 0;
	expired->page = expired->page + SWEEP_PAGES < pages ? expired->page + SWEEP_PAGES : 0;
	return expired->due > 0 || gone >= SWEEP_ROWS;
}
