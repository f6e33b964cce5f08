/* Reserves ports of this machine, for servers that bind them later and again. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_PORT_H
#define ALLOCD_ENTRYPOINTS_DEV_SERVERS_DEV_PORT_H

#include <stdint.h>

/*
 * Binds the port at 127.0.0.1, or a free one for 0, and keeps it bound, but does not listen: so the system
 * gives it to no other program, and a server that sets SO_REUSEADDR can bind it.  Returns the port; 0, with
 * errno, when it cannot be bound.
 */
uint16_t dev_port_reserve(uint16_t wanted);

#endif
