/* Polling with growing pauses until a deadline. */
#include "entrypoints/cli/poll_deadline.h"

#include "adapters/system/instants.h"

#include <time.h>

#define PAUSE_MS     50
#define PAUSE_MAX_MS 250

struct poll_deadline poll_deadline_in(int64_t ms)
{
	return (struct poll_deadline){monotonic_ms() + ms, PAUSE_MS};
}

int64_t poll_deadline_left_ms(const struct poll_deadline *deadline)
{
	int64_t left = deadline->deadline_ms - monotonic_ms();

	return left > 0 ? left : 0;
}

void poll_deadline_pause(struct poll_deadline *deadline)
{
	int64_t left = poll_deadline_left_ms(deadline);
	int64_t ms = deadline->pause_ms < left ? deadline->pause_ms : left;

	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
	deadline->pause_ms += deadline->pause_ms / 4;
	if (deadline->pause_ms > PAUSE_MAX_MS)
		deadline->pause_ms = PAUSE_MAX_MS;
}
