/* Whether every message had its effect: what was heard, and what is in the database. */
#include "entrypoints/bench_check.h"

#include "entrypoints/bench_words.h"

#include <inttypes.h>

struct check {
	const char *run;
	struct bench_tally *tally;
	struct bench_effects *effects;
	uint32_t products;
	struct arena *arena;
};

/* ---- what was heard ---- */

static uint32_t count_unheard(struct bench_tally *tally, const char *run)
{
	uint32_t unheard = 0;
	char id[BENCH_ID_SIZE];

	for (uint32_t number = 0; number < tally->sent; number++) {
		const struct bench_step *step = &tally->plan->steps[number];

		if (tally->heard[number] == step->events)
			continue;
		bench_id(id, run, number);
		bench_tally_fault(tally, "%s (%s): %d of %d events were heard", id,
				  message_name((enum message_type)step->command), tally->heard[number],
				  step->events);
		unheard++;
	}
	return unheard;
}

/* ---- what is in the database ---- */

static void on_missing(void *context, int64_t number)
{
	const struct check *check = context;
	char id[BENCH_ID_SIZE];

	bench_id(id, check->run, (uint32_t)number);
	bench_tally_fault(check->tally, "%s is not in the inbox", id);
}

static void on_product(void *context, int64_t sku, int64_t version)
{
	struct check *check = context;
	const struct bench_plan *plan = check->tally->plan;

	if (sku >= plan->skus)
		bench_tally_fault(check->tally, "there is a SKU %" PRId64 " that was not sent", sku);
	else if (version != plan->versions[sku])
		bench_tally_fault(check->tally, "SKU %" PRId64 " has version %" PRId64 ", not %" PRIu32, sku,
				  version, plan->versions[sku]);
	check->products++;
}

static void on_dead_letter(void *context, const char *outcome, const char *id, const char *reason)
{
	const struct check *check = context;

	bench_tally_fault(check->tally, "%s is a dead letter: %s: %s", id, outcome, reason);
}

static void expect(struct bench_tally *tally, const char *what, int64_t found, int64_t expected)
{
	if (found != expected)
		bench_tally_fault(tally, "%s: %" PRId64 ", not %" PRId64, what, found, expected);
}

bool bench_check(struct tools *tools, const char *run, struct bench_tally *tally,
		 struct bench_effects *effects)
{
	static const struct run_listener listener = {on_missing, on_product, on_dead_letter};
	const struct bench_plan *plan = tally->plan;
	struct check check = {.run = run, .tally = tally, .effects = effects};
	struct run_evidence evidence;
	uint32_t unheard = count_unheard(tally, run), unhandled;

	*effects = (struct bench_effects){.messages = plan->count, .wrong = &tally->faults};
	if (!tools_find_run(tools, run, plan->count, &evidence, &listener, &check))
		return false;
	expect(tally, "ids in the inbox", evidence.handled, plan->count);
	expect(tally, "products", check.products, plan->skus);
	expect(tally, "sum of what batches have allocated", evidence.allocated, plan->lines);
	expect(tally, "order lines", evidence.lines, plan->lines);
	expect(tally, "lines in the read model", evidence.shown, plan->lines);
	expect(tally, "dead letters", evidence.dead_letters, 0);
	unhandled = evidence.handled < plan->count ? (uint32_t)(plan->count - evidence.handled) : 0;
	effects->checked = plan->count;
	effects->missing = unhandled > unheard ? unhandled : unheard;
	return true;
}
