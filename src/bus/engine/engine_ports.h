/* What the engine needs from outside.  Each of its parts gets the ports that it uses, and no others. */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_PORTS_H
#define ALLOCD_BUS_ENGINE_ENGINE_PORTS_H

#include "bus/ports/batch_directory.h"
#include "bus/ports/broker.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/clock.h"
#include "bus/ports/codec.h"
#include "bus/ports/logger.h"
#include "bus/ports/notifier.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/process_store.h"
#include "bus/ports/random.h"
#include "bus/ports/unit_store.h"
#include "bus/publishing/predecessors.h"
#include "bus/tracing/tracer.h"
#include "core/partition.h"

#define LANES_MAX PARTITIONS

/* All of them outlive the engine. */
struct engine_ports {
	struct unit_store *lane_stores[LANES_MAX]; /* one for each lane */
	struct unit_store *parking_store; /* for parked SKUs; NULL: a locked SKU blocks its whole lane */
	struct batch_directory *batch_directory;
	struct process_store
		*process_store; /* on the session of batch_directory: never called at the same time */
	struct outbox_store *outbox_store;
	struct chores_store *chores_store; /* not called when the configuration says `no_chores` */
	struct codec *codec;
	const struct predecessor *predecessors; /* of events (see predecessors.h); NULL: none */
	struct broker *broker;
	struct notifier *notifier;
	struct clock *clock;
	struct random *random;
	struct logger *logger;
	struct tracer *tracer; /* or NULL */
};

#endif
