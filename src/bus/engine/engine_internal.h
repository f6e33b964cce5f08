/*
 * What the engine consists of, for its parts only: they hand work on to each other through it.
 */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_INTERNAL_H
#define ALLOCD_BUS_ENGINE_ENGINE_INTERNAL_H

#include "bus/base/progress_watch.h"
#include "bus/engine/engine.h"
#include "bus/engine/postponed.h"
#include "bus/housekeeping/housekeeper.h"
#include "bus/lane/parked.h"
#include "bus/publishing/publisher.h"
#include "bus/unit_of_work/batch_index.h"

struct engine {
	struct engine_ports ports;
	struct engine_config config;
	struct engine_stats stats;
	struct publisher_ports publisher_ports;
	struct housekeeping_ports housekeeping_ports;

	struct sku_resolver *resolver;
	struct lane *lanes[LANES_MAX];
	struct lane *parking; /* the parking lane, or NULL */
	struct parked_list parked;
	size_t held_messages, held_bytes; /* of SKUs that are parked, or shrink in steps */
	struct postponed_list postponed;
	bool pauses_pubsub; /* because of those */
	struct publisher *publisher;
	struct housekeeper *housekeeper;
	struct batch_index *batches;

	/* Whether the work gets done: of each lane, of the intake, and what an empty unit shows. */
	struct progress_watch lane_watches[LANES_MAX + 1], intake_watch, probe_watch;
	int64_t committed_ms; /* when a unit was committed last */

	/* The database's clock: what it said, and when it was asked.  Nobody asked yet: INT64_MIN. */
	int64_t database_us, asked_ms;

	bool is_full;
	void (*on_change)(void *context);
	void *change_context;
	struct timer *change_timer;
	void (*drained)(void *context);
	void *drain_context;
	struct timer *drain_timer;
};

/* The lane that every message about the SKU goes through. */
struct lane *engine_lane_of(struct engine *engine, const char *sku);

/* The database answered without trouble, or did not. */
void engine_database_is(struct engine *engine, bool up);

/* A read was answered without trouble.  That tells nothing of commits, if those fail. */
void engine_database_answers(struct engine *engine);

/* The lane began a unit (a redone one counts from its first beginning), failed, and committed one. */
void engine_lane_began(struct engine *engine, size_t lane);
void engine_lane_failed(struct engine *engine, size_t lane, const struct failure *failure);
void engine_lane_committed(struct engine *engine, size_t lane);

/* What the lane could not do waits elsewhere, and it goes on with the rest. */
void engine_lane_parked(struct engine *engine, size_t lane);

/* An empty unit was tried while nothing else was, or while the database was in trouble. */
void engine_probed(struct engine *engine, const struct failure *failure);

int64_t engine_now_ms(const struct engine *engine);

/* The database's clock was at `now_us` when it was asked, at `asked_ms`. */
void engine_note_database_clock(struct engine *engine, int64_t now_us, int64_t asked_ms);

/* What it must show by now, if it was asked a short while ago; else false, and `now_us` is left as it is. */
bool engine_knows_database_clock(const struct engine *engine, int64_t *now_us);

/* The delivery waits for a SKU that is held up, or does so no more.  Once more is no harm. */
void engine_hold(struct engine *engine, struct delivery *delivery);
void engine_let_go(struct engine *engine, struct delivery *delivery);

/* Whether a SKU is held up; UNTRIED: and has no message yet that is tried until it is done. */
enum held_up { NOT_HELD_UP, HELD_UP, HELD_UP_UNTRIED };

/*
 * Called for every delivery that comes to a lane, and again when its SKU is held up after that.  True: it was
 * postponed, and is freed.
 */
bool engine_postpones(struct engine *engine, struct delivery *delivery, enum held_up held_up);

/* Whether no stream entry of its SKU that is postponed comes before it. */
bool engine_admits(const struct engine *engine, const struct delivery *delivery);

/* The same as engine_postpones() for a delivery whose batch is unknown. */
bool engine_postpones_unknown(struct engine *engine, struct delivery *delivery);

/* More or less of the queue is taken. */
void engine_look_whether_full(struct engine *engine);

/* What engine_on_change() tells of has changed. */
void engine_note_change(struct engine *engine);

/* Something came to an end: perhaps it was the last thing that engine_drain() waits for. */
void engine_look_whether_drained(struct engine *engine);

/* The delivery has its outcome, and what it did is committed: answers, and frees it. */
void engine_finish(struct engine *engine, struct delivery *delivery);

#endif
