/*
 * The state that the lanes of an engine share, and the engine's functions that they call.  The engine calls
 * the lanes through lane.h.
 */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_LANES_H
#define ALLOCD_BUS_ENGINE_ENGINE_LANES_H

#include "bus/engine/engine_config.h"
#include "bus/engine/engine_ports.h"
#include "bus/engine/engine_stats.h"
#include "bus/lane/parked.h"
#include "bus/messages/delivery.h"
#include "bus/statistics/message_times.h"

struct batch_index;
struct engine;
struct housekeeper;
struct processes;
struct product_cache;
struct publisher;
struct unit_of_work;

struct lanes_shared {
	struct engine *engine; /* for the functions below */
	const struct engine_ports *ports;
	const struct engine_config *config;
	struct engine_stats *stats;
	struct publisher *publisher;
	struct housekeeper *housekeeper;
	struct batch_index *batches;
	struct product_cache *cache; /* of the products of all lanes */
	struct lane *const *lanes;
	struct parked_list parked;
	struct lane *parking; /* the parking lane; NULL: locked SKUs block their whole lane */
};

/* ---- SKUs and deliveries ---- */

/*
 * The delivery counts as queued.  A command of a process, which goes to its lane directly, is neither
 * received nor placed: see engine_has_postponed().
 */
void engine_accept(struct engine *engine, struct delivery *delivery);

/* The lane that every message about the SKU goes through now. */
struct lane *engine_lane_of(struct engine *engine, const char *sku);

/* The set of the lane's partitions now: bit N stands for partition N. */
uint32_t engine_partitions_of(struct engine *engine, const struct lane *lane);

/* The delivery waits because its SKU is held up, or no longer does.  Either call may be repeated. */
void engine_hold(struct engine *engine, struct delivery *delivery);
void engine_let_go(struct engine *engine, struct delivery *delivery);

/* Whether a SKU is held up.  HELD_UP_UNTRIED: none of its messages is queued, so that none is retried. */
enum held_up { NOT_HELD_UP, HELD_UP, HELD_UP_UNTRIED };

/*
 * Called for every delivery that reaches a lane, and again when its SKU is held up after that.  Returns
 * true if the delivery was postponed, and freed.
 */
bool engine_postpones(struct engine *engine, struct delivery *delivery, enum held_up held_up);

/*
 * Whether the delivery comes before every postponed stream entry of its SKU.  A command of a process has the
 * place of its event.
 */
bool engine_admits(const struct engine *engine, const struct delivery *delivery);

/*
 * Whether an event must be postponed before it begins.  Returns the SKU of a postponed entry that it is
 * behind in its stream, and which may be about its order; or "" for one over HTTP while the messages of
 * held-up SKUs fill their share of the queue, as its commands may be such messages; or NULL: it may begin.
 */
const char *engine_must_wait_for(const struct engine *engine, const struct delivery *event);

/* Postpones the delivery until that SKU is free, and frees it. */
void engine_postpone(struct engine *engine, struct delivery *delivery, const char *sku);

/*
 * Whether one more command of a process may be queued: fewer than `queue_max` are, not counting those that
 * are held up.  What waits behind the process in the SKU resolver does not count, because it could wait
 * without a limit.
 */
bool engine_has_room_for_process(const struct engine *engine);

/* The delivery has its outcome, and its effect is committed: answers it, and frees it. */
void engine_finish(struct engine *engine, struct delivery *delivery);

/* The same for all that were committed with one unit. */
void engine_finish_unit(struct engine *engine, struct delivery_queue *deliveries,
			const struct unit_times *times);

/* A lane became idle: if that completes what engine_drain() waits for, the drain is reported. */
void engine_check_drained(struct engine *engine);

/* ---- time ---- */

int64_t engine_now_ms(const struct engine *engine);
int64_t engine_now_us(const struct engine *engine);

/* Notes what the unit learned from the database when it was asked, at `asked_us`: its clock and its epoch. */
void engine_note_database_clock(struct engine *engine, const struct unit_of_work *uow, int64_t asked_us);

/* They are asked for again: the epoch may be another one. */
void engine_forget_database_clock(struct engine *engine);

/* Sets both in the unit.  Returns false, and does nothing, unless the database was asked recently. */
bool engine_knows_database_clock(const struct engine *engine, struct unit_of_work *uow);

/* ---- whether work gets done ---- */

/* A write succeeded, or the database failed. */
void engine_database_is(struct engine *engine, bool up);

/* A read succeeded.  That proves nothing about commits while those fail. */
void engine_database_answers(struct engine *engine);

/* The lane began a unit (a redone unit counts from its first beginning), failed, or committed one. */
void engine_lane_began(struct engine *engine, size_t lane);
void engine_lane_failed(struct engine *engine, size_t lane, const struct failure *failure);
void engine_lane_committed(struct engine *engine, size_t lane);

/* The lane waits for another service from now on, which has the time that it needs. */
void engine_lane_waits_anew(struct engine *engine, size_t lane);

/* The lane parked what it could not commit, and continues with the rest. */
void engine_lane_parked(struct engine *engine, size_t lane);

#endif
