/* The address that HTTP is served at: found, and taken before any other program takes it. */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_ADDRESS_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_ADDRESS_H

#include "core/base/arena.h"
#include "entrypoints/config/config.h"

/*
 * A socket that is bound to the address and does not listen yet; the caller's.  -1, with one line in *error
 * (in `arena`), when the address cannot be had; *in_use says whether that is because another program has
 * it.
 */
int http_address_take(const struct listen_address *address, struct arena *arena, const char **error,
		      bool *in_use);

/* The socket's port; 0 when the system does not say it. */
uint16_t http_address_port(int taken);

/* Whether only this machine reaches the socket. */
bool http_address_is_loopback(int taken);

#endif
