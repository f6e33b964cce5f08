/* The engine's calls pass a gate, and so do their callbacks. */
#include "gate.h"

#include "core/base/arena.h"

#include <string.h>
#include <valgrind/callgrind.h>

#define PORTS_MAX 2

/* Each port of a store has one call in flight. */
struct gated_call {
	const void *port;
	store_done *done;
	void *context;
};

struct gated_publish {
	publish_done *done;
	void *context;
};

struct gated_timer {
	void (*fired)(void *context);
	void *context;
};

static struct {
	bool is_open;
	struct arena *arena;
	struct gated_call calls[PORTS_MAX];
	const struct unit_store_ops *units;
	const struct batch_directory_ops *directory;
	const struct broker_ops *broker;
	const struct clock_ops *clock;
} gate;

/* ---- open and closed ---- */

static void set(bool is_open)
{
	if (gate.is_open == is_open)
		return;
	gate.is_open = is_open;
	CALLGRIND_TOGGLE_COLLECT;
}

void gate_open(void)
{
	set(true);
}

void gate_close(void)
{
	set(false);
}

void gate_begin(void)
{
	CALLGRIND_ZERO_STATS;
}

void gate_end(const char *name)
{
	CALLGRIND_DUMP_STATS_AT(name);
}

/* ---- stores ---- */

static struct gated_call *gated(const void *port, store_done *done, void *context)
{
	struct gated_call *it = gate.calls;

	gate_close();
	while (it->port && it->port != port)
		it++;
	*it = (struct gated_call){port, done, context};
	return it;
}

static void on_store_done(void *context, const struct failure *failure)
{
	const struct gated_call *it = context;

	gate_open();
	it->done(it->context, failure);
	gate_close();
}

static void resolve(struct batch_directory *directory, struct resolved_batch *batches, size_t count,
		    struct arena *arena, store_done *done, void *context)
{
	gate.directory->resolve(directory, batches, count, arena, on_store_done,
				gated(directory, done, context));
	gate_open();
}

static void load(struct unit_store *store, struct unit_of_work *uow, store_done *done, void *context)
{
	gate.units->load(store, uow, on_store_done, gated(store, done, context));
	gate_open();
}

static void flush(struct unit_store *store, struct unit_of_work *uow, store_done *done, void *context)
{
	gate.units->flush(store, uow, on_store_done, gated(store, done, context));
	gate_open();
}

static void install_stores(struct unit_store *units, struct batch_directory *directory)
{
	static struct unit_store_ops unit_ops;
	static struct batch_directory_ops directory_ops;

	gate.units = units->ops;
	unit_ops = *gate.units;
	unit_ops.load = load;
	unit_ops.flush = flush;
	units->ops = &unit_ops;
	gate.directory = directory->ops;
	directory_ops = *gate.directory;
	directory_ops.resolve = resolve;
	directory->ops = &directory_ops;
}

/* ---- the broker ---- */

static void on_published(void *context, const struct published *published, const struct failure *failure)
{
	const struct gated_publish *it = context;

	gate_open();
	it->done(it->context, published, failure);
	gate_close();
}

static void publish(struct broker *broker, const struct publication *publication, publish_done *done,
		    void *context)
{
	struct gated_publish *it;

	gate_close();
	it = arena_alloc(gate.arena, sizeof *it);
	*it = (struct gated_publish){done, context};
	gate.broker->publish(broker, publication, on_published, it);
	gate_open();
}

static void install_broker(struct broker *broker)
{
	static struct broker_ops ops;

	gate.broker = broker->ops;
	ops = *gate.broker;
	ops.publish = publish;
	broker->ops = &ops;
}

/* ---- the clock ---- */

static void on_fired(void *context)
{
	const struct gated_timer *it = context;

	gate_open();
	it->fired(it->context);
	gate_close();
}

/* Timers are created with the engine, which is not counted. */
static struct timer *timer_new(struct clock *clock, void (*fired)(void *context), void *context)
{
	struct gated_timer *it = arena_alloc(gate.arena, sizeof *it);

	*it = (struct gated_timer){fired, context};
	return gate.clock->timer_new(clock, on_fired, it);
}

static void timer_set(struct timer *timer, int64_t delay_ms)
{
	bool was_open = gate.is_open;

	gate_close();
	gate.clock->timer_set(timer, delay_ms);
	set(was_open);
}

static void install_clock(struct clock *clock)
{
	static struct clock_ops ops;

	gate.clock = clock->ops;
	ops = *gate.clock;
	ops.timer_new = timer_new;
	ops.timer_set = timer_set;
	clock->ops = &ops;
}

/* ---- all of them ---- */

void gate_install(struct engine_ports *ports)
{
	gate.arena = arena_new(4096);
	install_stores(ports->lane_stores[0], ports->batch_directory);
	install_broker(ports->broker);
	install_clock(ports->clock);
}

void gate_remove(void)
{
	arena_free(&gate.arena);
	memset(&gate, 0, sizeof gate);
}
