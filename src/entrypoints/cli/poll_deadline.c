/* Waiting, in commands that have nothing else to do. */
#include "entrypoints/cli/poll_deadline.h"

#include "adapters/system/instants.h"

#include <time.h>

#define PAUSE_MS     50
#define PAUSE_MAX_MS 250

struct poll_deadline poll_deadline_in(int64_t ms)
{
	return (struct poll_deadline){monotonic_ms() + ms, PAUSE_MS};
}

int64_t poll_deadline_left_ms(const struct poll_deadline *patience)
{
	int64_t left = patience->deadline_ms - monotonic_ms();

	return left > 0 ? left : 0;
}

void poll_deadline_pause(struct poll_deadline *patience)
{
	int64_t left = poll_deadline_left_ms(patience);
	int64_t ms = patience->pause_ms < left ? patience->pause_ms : left;

	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
	patience->pause_ms += patience->pause_ms / 4;
	if (patience->pause_ms > PAUSE_MAX_MS)
		patience->pause_ms = PAUSE_MAX_MS;
}
