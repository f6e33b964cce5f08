/*
 * The keeper: the process that starts the servers, and ends them when the one that the user started is gone.
 *
 * It is a process of its own, because one that is killed can remove nothing.
 */
#ifndef ALLOCD_ENTRYPOINTS_DEV_DEV_KEEPER_H
#define ALLOCD_ENTRYPOINTS_DEV_DEV_KEEPER_H

#include "entrypoints/cli/commands.h"
#include "entrypoints/dev_servers/dev_site.h"

/*
 * Runs in the keeper's process.  `site->link` is its end of a stream: once all is up, the addresses (see
 * dev_addresses.h) are sent through it.  Ends everything, and removes the scratch directory, once the other
 * end is closed or a server has ended by itself.  The worker serves HTTP at `http_port`, which is reserved.
 */
enum exit_status dev_keeper_run(struct dev_site *site, uint16_t http_port);

#endif
