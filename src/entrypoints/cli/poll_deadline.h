/* Polling with growing pauses until a deadline, for commands that may block. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_POLL_DEADLINE_H
#define ALLOCD_ENTRYPOINTS_CLI_POLL_DEADLINE_H

#include <stdint.h>

struct poll_deadline {
	int64_t deadline_ms;
	int pause_ms; /* length of the next pause */
};

struct poll_deadline poll_deadline_in(int64_t ms);

/* The time left, 0 at the deadline. */
int64_t poll_deadline_left_ms(const struct poll_deadline *deadline);

/* Sleeps for the next pause, at most until the deadline. */
void poll_deadline_pause(struct poll_deadline *deadline);

#endif
