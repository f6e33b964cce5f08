/* Plans the messages of a run: the stock of each SKU, then messages about SKUs chosen at random. */
#include "entrypoints/bench_workload/plan.h"

#include "core/base/must.h"
#include "entrypoints/bench_workload/orders.h"
#include "entrypoints/bench_workload/zipf.h"

/* In reallocate, the number of lines of each SKU that never move; one more line moves. */
#define STAYING_LINES 4

/* In mixed, a quantity that no run uses up. */
#define PLENTY 1000000000

/* In mixed, the share of 100 messages; the rest create batches. */
#define ALLOCATES 80
#define CHANGES   15

/* In mixed, instead of the SKU of a message: it cancels an order. */
#define CANCELLATION UINT32_MAX

/* The state of a SKU while its messages are planned, in their order. */
struct shelf {
	uint32_t total;   /* messages of warm-up and measurement */
	uint32_t planned; /* the part of `total` that is planned already */
	uint32_t phase;   /* reallocate: which of four changes is next */
	uint32_t batches; /* mixed: batches that were created */
	int32_t room;    /* mixed: the quantity of the first batch; when it is full, lines go to the second */
	int32_t held;    /* mixed: lines in the first batch, */
	uint32_t newest; /* and the newest of them */
	bool shrunk;     /* mixed: the first batch was full after its last change */
};

/* In mixed, a line that the first batch holds, by the number of its message; 0 stands for none. */
struct held_line {
	uint32_t older, newer;
	bool is_held;
};

struct planning {
	const struct bench_options *options;
	struct bench_plan *plan;
	struct bench_zipf *generator;
	struct shelf *shelves;
	uint32_t *skus; /* of each message of warm-up and measurement */
	struct bench_orders *orders;
	struct held_line *lines; /* by the numbers of their messages */
};

static void add(struct planning *planning, const struct bench_step *step)
{
	struct bench_plan *plan = planning->plan;

	plan->steps[plan->count++] = *step;
	plan->with_events += step->events > 0;
}

static void add_batch(struct planning *planning, uint32_t sku, uint32_t batch, int32_t qty)
{
	add(planning,
	    &(struct bench_step){.sku = sku, .batch = batch, .qty = qty, .command = MSG_CREATE_BATCH});
}

static void add_line(struct planning *planning, uint32_t sku)
{
	add(planning,
	    &(struct bench_step){.sku = sku,
				 .order = bench_orders_add_line(planning->orders, planning->plan->count, sku),
				 .qty = 1,
				 .command = MSG_ALLOCATE,
				 .events = 1});
}

static void add_change(struct planning *planning, uint32_t sku, uint32_t batch, int32_t qty, bool moves)
{
	add(planning, &(struct bench_step){
			      .sku = sku,
			      .batch = batch,
			      .qty = qty,
			      .command = MSG_CHANGE_BATCH_QUANTITY,
			      .events = moves ? 2 : 0,
		      });
}

/* ---- allocate, hot, latency: enough stock, which is used up batch by batch ---- */

static void stock_for_lines(struct planning *planning, uint32_t sku)
{
	uint32_t batches = planning->options->batches;
	uint32_t each = planning->shelves[sku].total / batches + 1;

	for (uint32_t batch = 0; batch < batches; batch++)
		add_batch(planning, sku, batch, (int32_t)each);
}

static void plan_line(struct planning *planning, uint32_t sku)
{
	add_line(planning, sku);
}

/* ---- reallocate: one line moves back and forth between two batches ---- */

/*
 * The change of each phase.  The first batch is preferred, and the lines that never move fill it but for one
 * piece; the second has room for one piece.  When either batch shrinks, only the other has room for the line.
 */
static const struct change {
	uint32_t batch;
	int32_t qty;
	bool moves;
} changes[] = {
	{0, STAYING_LINES, true},      /* the newest line moves to the second batch */
	{0, STAYING_LINES + 1, false}, /* makes room again */
	{1, 0, true},                  /* the line moves back, and is the newest again */
	{1, 1, false},
};

/* The last change must move the line: an even number of them therefore starts with the line moved. */
static void stock_for_changes(struct planning *planning, uint32_t sku)
{
	struct shelf *shelf = &planning->shelves[sku];

	shelf->phase = shelf->total % 2 ? 0 : 1;
	add_batch(planning, sku, 0, shelf->phase ? STAYING_LINES : STAYING_LINES + 1);
	add_batch(planning, sku, 1, 1);
	for (int line = 0; line <= STAYING_LINES; line++)
		add_line(planning, sku);
}

static void plan_change(struct planning *planning, uint32_t sku)
{
	const struct change *change = &changes[planning->shelves[sku].phase++ % 4];

	add_change(planning, sku, change->batch, change->qty, change->moves);
}

/* ---- mixed: lines, changes of which about half move a line, new stock, cancelled orders ---- */

static void stock_for_all(struct planning *planning, uint32_t sku)
{
	struct shelf *shelf = &planning->shelves[sku];

	/* When the first batch shrinks, there must be another for its line. */
	shelf->batches = planning->options->batches > 1 ? planning->options->batches : 2;
	shelf->room = PLENTY;
	for (uint32_t batch = 0; batch < shelf->batches; batch++)
		add_batch(planning, sku, batch, PLENTY);
}

static void hold(struct planning *planning, struct shelf *shelf, uint32_t number)
{
	planning->lines[number] = (struct held_line){.older = shelf->newest, .is_held = true};
	if (shelf->newest)
		planning->lines[shelf->newest].newer = number;
	shelf->newest = number;
	shelf->held++;
}

static void release(struct planning *planning, struct shelf *shelf, uint32_t number)
{
	struct held_line *line = &planning->lines[number];

	if (!line->is_held)
		return;
	line->is_held = false;
	if (line->older)
		planning->lines[line->older].newer = line->newer;
	if (line->newer)
		planning->lines[line->newer].older = line->older;
	else
		shelf->newest = line->older;
	shelf->held--;
}

static void plan_mixed_line(struct planning *planning, uint32_t sku)
{
	struct shelf *shelf = &planning->shelves[sku];

	if (shelf->held < shelf->room)
		hold(planning, shelf, planning->plan->count);
	add_line(planning, sku);
}

/* In turn, shrinks the first batch by its newest line, if it has one, and lets it grow again. */
static void plan_mixed_change(struct planning *planning, uint32_t sku)
{
	struct shelf *shelf = &planning->shelves[sku];
	bool moves = !shelf->shrunk && shelf->held > 0;

	if (moves)
		release(planning, shelf, shelf->newest);
	shelf->shrunk = !shelf->shrunk;
	shelf->room = shelf->shrunk ? shelf->held : PLENTY;
	add_change(planning, sku, 0, shelf->room, moves);
}

/* A line that an order lacks is sent instead of a cancellation as long as there is no order. */
static void plan_cancellation(struct planning *planning)
{
	const struct bench_order *order = bench_orders_cancel(planning->orders);

	if (!order) {
		plan_mixed_line(planning, bench_zipf_next(planning->generator));
		return;
	}
	for (size_t i = 0; i < order->count; i++)
		release(planning, &planning->shelves[order->skus[i]], order->lines[i]);
	add(planning, &(struct bench_step){.sku = order->skus[0],
					   .order = order->lines[0],
					   .command = MSG_ORDER_CANCELLED,
					   .events = (uint8_t)order->count});
}

static void plan_any(struct planning *planning, uint32_t sku)
{
	struct shelf *shelf = &planning->shelves[sku];
	uint32_t percent = bench_zipf_percent(planning->generator);
	bool is_last = shelf->planned + 1 == shelf->total;

	if (percent < ALLOCATES || is_last)
		plan_mixed_line(planning, sku);
	else if (percent < ALLOCATES + CHANGES)
		plan_mixed_change(planning, sku);
	else
		add_batch(planning, sku, shelf->batches++, PLENTY);
}

/* ---- the whole ---- */

static const struct recipe {
	void (*stock)(struct planning *planning, uint32_t sku);
	void (*message)(struct planning *planning, uint32_t sku);
} recipes[] = {
	[BENCH_ALLOCATE] = {stock_for_lines, plan_line},
	[BENCH_REALLOCATE] = {stock_for_changes, plan_change},
	[BENCH_MIXED] = {stock_for_all, plan_any},
	[BENCH_HOT] = {stock_for_lines, plan_line},
	[BENCH_LATENCY] = {stock_for_lines, plan_line},
};

static uint32_t stock_steps_max(const struct bench_options *options)
{
	return options->skus * ((options->batches > 1 ? options->batches : 2) + STAYING_LINES + 1);
}

static bool is_cancellation(const struct planning *planning)
{
	uint32_t percent = planning->options->cancel;

	return percent && bench_zipf_percent(planning->generator) < percent;
}

/* Returns the number of cancellations. */
static uint32_t choose_skus(struct planning *planning, uint32_t count)
{
	uint32_t cancellations = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (is_cancellation(planning)) {
			planning->skus[i] = CANCELLATION;
			cancellations++;
			continue;
		}
		planning->skus[i] = bench_zipf_next(planning->generator);
		planning->shelves[planning->skus[i]].total++;
	}
	return cancellations;
}

static void plan_message(struct planning *planning, uint32_t sku)
{
	if (sku == CANCELLATION) {
		plan_cancellation(planning);
		return;
	}
	recipes[planning->options->scenario].message(planning, sku);
	planning->shelves[sku].planned++;
}

static void plan_all(struct planning *planning, uint32_t count)
{
	struct bench_plan *plan = planning->plan;

	for (uint32_t sku = 0; sku < plan->skus && !planning->options->events_only; sku++)
		recipes[planning->options->scenario].stock(planning, sku);
	plan->stock = plan->count;
	plan->measured = plan->stock + planning->options->warm_up;
	for (uint32_t i = 0; i < count; i++)
		plan_message(planning, planning->skus[i]);
}

struct bench_plan *bench_plan_new(const struct bench_options *options, uint64_t seed)
{
	uint32_t count = options->warm_up + options->messages, steps_max = stock_steps_max(options) + count;
	struct bench_plan *plan = must_alloc(sizeof *plan);
	struct planning planning = {
		.options = options,
		.plan = plan,
		.generator = bench_zipf_new(options->skus, options->zipf, seed),
		.shelves = must_alloc(options->skus * sizeof *planning.shelves),
		.skus = must_alloc(count * sizeof *planning.skus),
		.lines = must_alloc(steps_max * sizeof *planning.lines),
	};

	plan->skus = options->skus;
	plan->steps = must_alloc(steps_max * sizeof *plan->steps);
	planning.orders = bench_orders_new(choose_skus(&planning, count), planning.generator);
	plan_all(&planning, count);
	bench_orders_free(&planning.orders);
	bench_zipf_free(&planning.generator);
	free(planning.shelves);
	free(planning.skus);
	free(planning.lines);
	return plan;
}

void bench_plan_free(struct bench_plan **plan)
{
	if (!*plan)
		return;
	free((*plan)->steps);
	free(*plan);
	*plan = NULL;
}

enum message_type bench_event(const struct bench_step *step, uint8_t index)
{
	bool is_last = index + 1 == step->events;

	return is_last && step->command != MSG_ORDER_CANCELLED ? MSG_LINE_ALLOCATED : MSG_LINE_DEALLOCATED;
}
