/* What the publisher needs from outside. */
#ifndef ALLOCD_BUS_PUBLISHING_PUBLISHER_PORTS_H
#define ALLOCD_BUS_PUBLISHING_PUBLISHER_PORTS_H

#include "bus/ports/broker.h"
#include "bus/ports/clock.h"
#include "bus/ports/logger.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/random.h"
#include "bus/publishing/predecessors.h"

struct publisher_ports {
	struct outbox_store *outbox_store;
	struct broker *broker;
	struct clock *clock;
	struct random *random;
	struct logger *logger;
	struct tracer *tracer; /* or NULL */
	struct predecessor_maker maker;
};

#endif
