/* Reserves ports of this machine. */
#include "entrypoints/dev_servers/dev_port.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* The socket stays open as long as this process. */
uint16_t dev_port_reserve(uint16_t wanted)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(wanted)};
	socklen_t size = sizeof address;
	int on = 1, reason, bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bound < 0)
		return 0;
	if (setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(bound, (const struct sockaddr *)&address, sizeof address) == 0 &&
	    getsockname(bound, (struct sockaddr *)&address, &size) == 0)
		return ntohs(address.sin_port);
	reason = errno;
	close(bound);
	errno = reason;
	return 0;
}
