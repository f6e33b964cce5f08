/* What housekeeping needs from outside. */
#ifndef ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPING_PORTS_H
#define ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPING_PORTS_H

#include "bus/ports/chores_store.h"
#include "bus/ports/clock.h"
#include "bus/ports/logger.h"
#include "bus/ports/notifier.h"

struct housekeeping_ports {
	struct chores_store *chores_store; /* not called when the configuration says `no_chores` */
	struct notifier *notifier;
	struct clock *clock;
	struct logger *logger;
};

#endif
