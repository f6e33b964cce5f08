/* Waiting, in commands that have nothing else to do. */
#include "entrypoints/cli/poll_deadline.h"

#include "entrypoints/instants.h"

#include <time.h>

#define PAUSE_MS     50
#define PAUSE_MAX_MS 250

struct patience patience_of(int64_t ms)
{
	return (struct patience){monotonic_ms() + ms, PAUSE_MS};
}

int64_t patience_left_ms(const struct patience *patience)
{
	int64_t left = patience->deadline_ms - monotonic_ms();

	return left > 0 ? left : 0;
}

void patience_pause(struct patience *patience)
{
	int64_t left = patience_left_ms(patience);
	int64_t ms = patience->pause_ms < left ? patience->pause_ms : left;

	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
	patience->pause_ms += patience->pause_ms / 4;
	if (patience->pause_ms > PAUSE_MAX_MS)
		patience->pause_ms = PAUSE_MAX_MS;
}
