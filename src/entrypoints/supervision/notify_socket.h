/*
 * Datagrams to a service manager, as sd_notify(3) documents them: lines such as "READY=1" to the socket that
 * $NOTIFY_SOCKET names.
 *
 * The protocol is small and promised to stay as it is.  The library that implements it, libsystemd, would
 * load compressors and a cryptographic library into the worker.
 */
#ifndef ALLOCD_ENTRYPOINTS_SUPERVISION_NOTIFY_SOCKET_H
#define ALLOCD_ENTRYPOINTS_SUPERVISION_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify_socket {
	int fd;
	struct sockaddr_un address;
	socklen_t address_size;
};

/* `name`: an absolute path, or "@…" for an abstract socket.  On failure returns false, with errno. */
bool notify_socket_open(struct notify_socket *to, const char *name);

void notify_socket_close(struct notify_socket *to);

/*
 * False, with errno, when the manager did not receive `text`.  Never waits: while its queue is full the
 * error is EAGAIN.  A socket that the manager has made anew is found by its name.
 */
bool notify_socket_send(const struct notify_socket *to, const char *text);

#endif
