/* Whether every message that was sent had its effect. */
#include "entrypoints/bench/check.h"

#include "core/base/must.h"
#include "entrypoints/bench/bench_messages.h"

#include <inttypes.h>

void bench_check_init(struct bench_check *check, const char *run, struct bench_tally *tally)
{
	*check = (struct bench_check){
		.run = run,
		.tally = tally,
		.not_handled = must_alloc(tally->sent * sizeof *check->not_handled),
	};
}

void bench_check_release(struct bench_check *check)
{
	free(check->not_handled);
}

/* ---- what the database tells one by one ---- */

static void on_missing(void *context, int64_t number)
{
	const struct bench_check *check = context;

	check->not_handled[number] = true;
}

static void on_product(void *context, int64_t sku, int64_t version)
{
	struct bench_check *check = context;
	const struct bench_tally *tally = check->tally;

	check->products++;
	if (sku >= tally->plan->skus)
		bench_tally_fault(check->tally, "there is a SKU %" PRId64 " that was not sent", sku);
	else if (version != tally->versions[sku])
		bench_tally_fault(check->tally,
				  "SKU %" PRId64 " has version %" PRId64 ", version %" PRIu32
				  " was heard last",
				  sku, version, tally->versions[sku]);
}

static void on_dead_letter(void *context, const char *outcome, const char *id, const char *reason)
{
	const struct bench_check *check = context;

	bench_tally_fault(check->tally, "%s is a dead letter: %s: %s", id, outcome, reason);
}

const struct run_listener bench_check_listener = {on_missing, on_product, on_dead_letter};

/* ---- message by message ---- */

static bool lacks_something(const struct bench_check *check, uint32_t number)
{
	const struct bench_tally *tally = check->tally;
	const struct bench_step *step = &tally->plan->steps[number];
	char id[BENCH_ID_SIZE];

	if (tally->heard[number] == step->events && !check->not_handled[number])
		return false;
	bench_id(id, check->run, number);
	bench_tally_fault(check->tally, "%s (%s): %s in the inbox; %d of %d events were heard", id,
			  message_name((enum message_type)step->command),
			  check->not_handled[number] ? "not" : "it is", tally->heard[number], step->events);
	return true;
}

/* ---- the sums ---- */

static void expect(struct bench_tally *tally, const char *what, int64_t found, int64_t expected)
{
	if (found != expected)
		bench_tally_fault(tally, "%s: %" PRId64 ", not %" PRId64, what, found, expected);
}

static void check_sums(const struct bench_check *check, const struct run_evidence *evidence)
{
	struct bench_tally *tally = check->tally;
	int64_t lines = 0;

	for (uint32_t number = 0; number < tally->sent; number++)
		lines += tally->plan->steps[number].command == MSG_ALLOCATE;
	expect(tally, "messages handled", evidence->handled, tally->sent);
	expect(tally, "products", check->products, tally->plan->skus);
	expect(tally, "allocated, the sum over all batches", evidence->allocated, lines);
	expect(tally, "order lines", evidence->lines, lines);
	expect(tally, "lines in the read model", evidence->shown, lines);
	expect(tally, "dead letters", evidence->dead_letters, 0);
}

void bench_check_conclude(struct bench_check *check, const struct run_evidence *evidence,
			  struct bench_effects *effects)
{
	struct bench_tally *tally = check->tally;

	*effects = (struct bench_effects){.messages = tally->sent, .wrong = &tally->faults};
	expect(tally, "messages sent", tally->sent, tally->plan->count);
	for (uint32_t number = 0; number < tally->sent; number++)
		effects->missing += lacks_something(check, number);
	check_sums(check, evidence);
}
