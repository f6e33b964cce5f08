/* Checks that every message that was sent had its effect. */
#include "entrypoints/bench/check.h"

#include "core/base/must.h"
#include "entrypoints/bench_workload/bench_messages.h"

#include <inttypes.h>

void bench_check_init(struct bench_check *check, const char *run, struct bench_verifier *verifier)
{
	*check = (struct bench_check){
		.run = run,
		.verifier = verifier,
		.not_handled = must_alloc(verifier->sent * sizeof *check->not_handled),
	};
}

void bench_check_release(struct bench_check *check)
{
	free(check->not_handled);
}

/* ---- findings of the database ---- */

static void on_missing(void *context, int64_t number)
{
	const struct bench_check *check = context;

	check->not_handled[number] = true;
}

static void on_product(void *context, int64_t sku, int64_t version)
{
	struct bench_check *check = context;
	const struct bench_verifier *verifier = check->verifier;

	check->products++;
	if (sku >= verifier->plan->skus)
		bench_verifier_fault(check->verifier, "there is a SKU %" PRId64 " that was not sent", sku);
	else if (version != verifier->versions[sku])
		bench_verifier_fault(check->verifier,
				     "SKU %" PRId64 " has version %" PRId64 ", version %" PRIu32
				     " arrived last",
				     sku, version, verifier->versions[sku]);
}

static void on_dead_letter(void *context, const char *outcome, const char *id, const char *reason)
{
	const struct bench_check *check = context;

	bench_verifier_fault(check->verifier, "%s is a dead letter: %s: %s", id, outcome, reason);
}

const struct run_listener bench_check_listener = {on_missing, on_product, on_dead_letter};

/* ---- message by message ---- */

static bool lacks_something(const struct bench_check *check, uint32_t number)
{
	const struct bench_verifier *verifier = check->verifier;
	const struct bench_step *step = &verifier->plan->steps[number];
	char id[BENCH_ID_SIZE];

	if (verifier->received[number] == step->events && !check->not_handled[number])
		return false;
	bench_id(id, check->run, number);
	bench_verifier_fault(check->verifier, "%s (%s): %s%d of %d events arrived", id,
			     message_name((enum message_type)step->command),
			     check->not_handled[number] ? "not in the inbox; " : "",
			     verifier->received[number], step->events);
	return true;
}

/* ---- the sums ---- */

static void expect(struct bench_verifier *verifier, const char *what, int64_t found, int64_t expected)
{
	if (found != expected)
		bench_verifier_fault(verifier, "%s: %" PRId64 ", not %" PRId64, what, found, expected);
}

static void check_sums(const struct bench_check *check, const struct bench_results *results)
{
	struct bench_verifier *verifier = check->verifier;
	int64_t lines = 0;

	for (uint32_t number = 0; number < verifier->sent; number++) {
		const struct bench_step *step = &verifier->plan->steps[number];

		lines += step->command == MSG_ALLOCATE;
		lines -= step->command == MSG_ORDER_CANCELLED ? step->events : 0;
	}
	expect(verifier, "messages handled", results->handled, verifier->sent);
	expect(verifier, "products", check->products, verifier->plan->skus);
	expect(verifier, "allocated, the sum over all batches", results->allocated, lines);
	expect(verifier, "order lines", results->lines, lines);
	expect(verifier, "lines in the read model", results->shown, lines);
	expect(verifier, "dead letters", results->dead_letters, 0);
}

void bench_check_conclude(struct bench_check *check, const struct bench_results *results,
			  struct bench_effects *effects)
{
	struct bench_verifier *verifier = check->verifier;

	*effects = (struct bench_effects){.messages = verifier->sent, .wrong = &verifier->faults};
	expect(verifier, "messages sent", verifier->sent, verifier->plan->count);
	for (uint32_t number = 0; number < verifier->sent; number++)
		effects->missing += lacks_something(check, number);
	if (results)
		check_sums(check, results);
}
