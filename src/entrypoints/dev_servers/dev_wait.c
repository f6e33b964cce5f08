/* Waiting in steps, until a deadline or until a link is closed. */
#include "entrypoints/dev_servers/dev_wait.h"

#include "adapters/system/instants.h"

#include <poll.h>

struct dev_wait dev_wait_for(int link, int timeout_ms)
{
	return (struct dev_wait){link, monotonic_ms() + timeout_ms};
}

static bool is_closed(const struct dev_wait *wait, int ms)
{
	struct pollfd link = {.fd = wait->link, .events = POLLRDHUP};

	return poll(&link, 1, ms) > 0;
}

bool dev_wait_pause(const struct dev_wait *wait, int ms)
{
	return !is_closed(wait, ms) && monotonic_ms() < wait->deadline_ms;
}

bool dev_wait_is_in_vain(const struct dev_wait *wait)
{
	return is_closed(wait, 0);
}
