/* The hand of a clock that goes round a table. */
#include "adapters/postgres/housekeeping/expired_rows.h"

#define SECOND_US INT64_C(1000000)
#define DAY_S     86400

static void fall_behind(struct sweep *sweep, int64_t pages, int64_t now)
{
	int64_t seconds = sweep->at ? (now - sweep->at) / SECOND_US : 0;

	if (seconds > DAY_S)
		seconds = DAY_S;
	if (seconds > 0)
		sweep->due += pages * seconds / DAY_S;
	if (seconds > 0 || !sweep->at)
		sweep->at = now;
}

bool sweep_go_on(struct sweep *sweep, int64_t pages, int64_t gone, int64_t now)
{
	fall_behind(sweep, pages, now);
	sweep->due = sweep->due > SWEEP_PAGES ? sweep->due - SWEEP_PAGES : 0;
	sweep->page = sweep->page + SWEEP_PAGES < pages ? sweep->page + SWEEP_PAGES : 0;
	return sweep->due > 0 || gone >= SWEEP_ROWS;
}
