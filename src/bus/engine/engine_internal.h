/* The state of the engine, and the functions that its files share.  Private to this folder. */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_INTERNAL_H
#define ALLOCD_BUS_ENGINE_ENGINE_INTERNAL_H

#include "bus/base/progress_watch.h"
#include "bus/engine/engine.h"
#include "bus/engine/engine_lanes.h"
#include "bus/engine/postponed.h"
#include "bus/housekeeping/housekeeper.h"
#include "bus/process/processes.h"
#include "bus/publishing/publisher.h"
#include "bus/unit_of_work/batch_index.h"

struct engine {
	struct engine_ports ports;
	struct engine_config config;
	struct engine_stats stats;
	struct publisher_ports publisher_ports;
	struct housekeeping_ports housekeeping_ports;

	struct sku_resolver *resolver;
	struct processes *processes;
	struct lane *lanes[LANES_MAX];
	struct lanes_shared shared;
	size_t held_messages, held_bytes; /* of SKUs that are parked, or shrink in steps */
	size_t held_parts;                /* of these, commands of processes */
	struct delivery *oldest, *newest; /* of all that are queued or in flight */
	struct postponed_list postponed;
	struct stream_source *streams;
	bool pauses_pubsub; /* because too many messages are held */
	struct publisher *publisher;
	struct housekeeper *housekeeper;
	struct batch_index *batches;

	/* Whether work gets done: by each lane and the parking lane, by the intake, and by empty units. */
	struct progress_watch lane_watches[LANES_MAX + 1], intake_watch, probe_watch;

	struct message_times *message_times;

	int64_t committed_ms; /* when a lane was done with a unit last */

	int64_t database_us; /* what the database's clock showed, */
	int64_t epoch;       /* the database's epoch, */
	int64_t asked_us;    /* and when it was asked; INT64_MIN: not yet */

	bool is_full;
	void (*on_change)(void *context);
	void *change_context;
	struct timer *change_timer;
	void (*drained)(void *context);
	void *drain_context;
	struct timer *drain_timer;
};

/* An empty unit was tried, because no other was or because the database was failing. */
void engine_probed(struct engine *engine, const struct failure *failure);

/* The same as engine_postpones() for a delivery whose batch is unknown. */
bool engine_postpones_unknown(struct engine *engine, struct delivery *delivery);

/* Whether the messages of held-up SKUs fill less than their share of the queue. */
bool engine_has_room_for_held(const struct engine *engine);

/* Takes over the process, or leaves it for later; `context` is the engine. */
void engine_resume_process(void *context, const struct due_process *process);

/* Sets the names of up to `max` streams from which it can take over processes now; returns how many. */
size_t engine_streams_in_place(void *context, const char **names, size_t max);

/* The fill level of the queue has changed. */
void engine_check_full(struct engine *engine);

/* Something has changed that engine_on_change() reports. */
void engine_note_change(struct engine *engine);

#endif
