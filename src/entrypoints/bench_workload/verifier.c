/* Compares the events that arrive with those that the plan expects. */
#include "entrypoints/bench_workload/verifier.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>

#define FAULT_MAX 256

struct bench_verifier *bench_verifier_new(const struct bench_plan *plan)
{
	struct bench_verifier *verifier = must_alloc(sizeof *verifier);

	verifier->plan = plan;
	verifier->arena = arena_new(1024);
	verifier->due_us = must_alloc(plan->count * sizeof *verifier->due_us);
	verifier->done_us = must_alloc(plan->count * sizeof *verifier->done_us);
	verifier->received = must_alloc(plan->count * sizeof *verifier->received);
	verifier->versions = must_alloc(plan->skus * sizeof *verifier->versions);
	return verifier;
}

void bench_verifier_free(struct bench_verifier **place)
{
	struct bench_verifier *verifier = *place;

	if (!verifier)
		return;
	arena_free(&verifier->arena);
	free(verifier->due_us);
	free(verifier->done_us);
	free(verifier->received);
	free(verifier->versions);
	free(verifier);
	*place = NULL;
}

void bench_verifier_fault(struct bench_verifier *verifier, const char *format, ...)
{
	char text[FAULT_MAX];
	va_list arguments;

	if (verifier->faults.count++ >= BENCH_FAULT_TEXTS)
		return;
	va_start(arguments, format);
	utf8_vformat(text, sizeof text, format, arguments);
	va_end(arguments);
	verifier->faults.texts[verifier->faults.count - 1] = arena_strdup(verifier->arena, text);
}

void bench_verifier_sent(struct bench_verifier *verifier, int64_t due_us)
{
	uint32_t number = verifier->sent++;

	verifier->due_us[number] = due_us;
	verifier->with_events += verifier->plan->steps[number].events > 0;
}

uint32_t bench_verifier_in_flight(const struct bench_verifier *verifier)
{
	return verifier->with_events - verifier->done;
}

/* Whether the version is new for the SKU.  The version, not the content, identifies a duplicate. */
static bool is_new(struct bench_verifier *verifier, uint32_t sku, int64_t version)
{
	int64_t last = verifier->versions[sku];

	if (version <= last) {
		verifier->duplicates++;
		return false;
	}
	if (version != last + 1)
		bench_verifier_fault(verifier,
				     "SKU %" PRIu32 ": version %" PRId64 " arrived after version %" PRId64,
				     sku, version, last);
	verifier->versions[sku] = (uint32_t)version;
	return true;
}

static void match_event(struct bench_verifier *verifier, enum message_type type, uint32_t number,
			int64_t now_us)
{
	const struct bench_step *step = &verifier->plan->steps[number];
	uint8_t index = verifier->received[number];

	if (index >= step->events) {
		bench_verifier_fault(verifier, "message %08" PRIu32 " caused one %s too many", number,
				     message_name(type));
		return;
	}
	if (type != bench_event(step, index))
		bench_verifier_fault(verifier, "message %08" PRIu32 " caused %s, not %s", number,
				     message_name(type), message_name(bench_event(step, index)));
	if (++verifier->received[number] < step->events)
		return;
	verifier->done_us[number] = now_us;
	verifier->done++;
}

void bench_verifier_received(struct bench_verifier *verifier, enum message_type type,
			     const struct bench_event *event, int64_t now_us)
{
	if (event->number >= verifier->sent)
		bench_verifier_fault(verifier, "message %08" PRIu32 " caused an event before it was sent",
				     event->number);
	else if (event->sku >= verifier->plan->skus)
		bench_verifier_fault(verifier,
				     "message %08" PRIu32 " caused an event of SKU %" PRIu32
				     ", which was not sent",
				     event->number, event->sku);
	else if (is_new(verifier, event->sku, event->version))
		match_event(verifier, type, event->number, now_us);
}
