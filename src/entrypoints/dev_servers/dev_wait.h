/* Waits in steps for what sends no event, until a deadline or until the process that wants it is gone. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_WAIT_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct dev_wait {
	int link;            /* its other end is closed when the result is not wanted any more */
	int64_t deadline_ms; /* by monotonic_ms() */
};

struct dev_wait dev_wait_for(int link, int timeout_ms);

/* Waits for that time.  False once the deadline has passed or the link is closed. */
bool dev_wait_pause(const struct dev_wait *wait, int ms);

/* Whether the link is closed: then nothing is to be reported. */
bool dev_wait_is_in_vain(const struct dev_wait *wait);

#endif
