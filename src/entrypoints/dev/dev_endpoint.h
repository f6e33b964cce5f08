/* `POST /admin/reset`, at an address of its own. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_DEV_ENDPOINT_H
#define ALLOCD_ENTRYPOINTS_DEV_DEV_ENDPOINT_H

#include "bus/ports/logger.h"
#include "core/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct dev_endpoint;

/* Blocks until the reset is done: other requests wait.  False: see *error, in `arena`. */
typedef bool dev_endpoint_reset(void *context, struct arena *arena, const char **error);

/* Listens at a free port of 127.0.0.1.  NULL after it has reported why it cannot. */
struct dev_endpoint *dev_endpoint_new(struct event_base *base, struct logger *logger,
				      dev_endpoint_reset *reset, void *context);
void dev_endpoint_free(struct dev_endpoint **endpoint);

uint16_t dev_endpoint_port(const struct dev_endpoint *endpoint);

#endif
