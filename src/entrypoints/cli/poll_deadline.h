/* Waiting, in commands that have nothing else to do, and the end of it. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_POLL_DEADLINE_H
#define ALLOCD_ENTRYPOINTS_CLI_POLL_DEADLINE_H

#include <stdint.h>

struct patience {
	int64_t deadline_ms;
	int pause_ms; /* the next one: they grow */
};

struct patience patience_of(int64_t ms);

/* How much is left: 0 at the end. */
int64_t patience_left_ms(const struct patience *patience);

/* Sleeps a little, at most until the end. */
void patience_pause(struct patience *patience);

#endif
