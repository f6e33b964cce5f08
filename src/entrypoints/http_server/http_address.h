/* The address that HTTP is served at. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_ADDRESS_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_ADDRESS_H

#include "core/base/arena.h"
#include "entrypoints/config/config.h"

/*
 * A socket that is bound to the address and does not listen yet; the caller closes it.  -1, with one line in
 * *error (in `arena`), when the address cannot be bound; *in_use is set when another program uses it.
 */
int http_address_bind(const struct listen_address *address, struct arena *arena, const char **error,
		      bool *in_use);

/* The socket's port, or 0 on failure. */
uint16_t http_address_port(int bound);

/* Whether only this machine can connect to the socket. */
bool http_address_is_loopback(int bound);

#endif
