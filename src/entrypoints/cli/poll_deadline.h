/* Waiting, in commands that have nothing else to do, and the end of it. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_POLL_DEADLINE_H
#define ALLOCD_ENTRYPOINTS_CLI_POLL_DEADLINE_H

#include <stdint.h>

struct poll_deadline {
	int64_t deadline_ms;
	int pause_ms; /* the next one: they grow */
};

struct poll_deadline poll_deadline_in(int64_t ms);

/* How much is left: 0 at the end. */
int64_t poll_deadline_left_ms(const struct poll_deadline *patience);

/* Sleeps a little, at most until the end. */
void poll_deadline_pause(struct poll_deadline *patience);

#endif
