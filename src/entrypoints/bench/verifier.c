/* What was sent and what was heard of it. */
#include "entrypoints/bench/verifier.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>

#define FAULT_MAX 256

struct bench_tally *bench_tally_new(const struct bench_plan *plan)
{
	struct bench_tally *tally = must_alloc(sizeof *tally);

	tally->plan = plan;
	tally->arena = arena_new(1024);
	tally->due_us = must_alloc(plan->count * sizeof *tally->due_us);
	tally->done_us = must_alloc(plan->count * sizeof *tally->done_us);
	tally->heard = must_alloc(plan->count * sizeof *tally->heard);
	tally->versions = must_alloc(plan->skus * sizeof *tally->versions);
	return tally;
}

void bench_tally_free(struct bench_tally **place)
{
	struct bench_tally *tally = *place;

	if (!tally)
		return;
	arena_free(&tally->arena);
	free(tally->due_us);
	free(tally->done_us);
	free(tally->heard);
	free(tally->versions);
	free(tally);
	*place = NULL;
}

void bench_tally_fault(struct bench_tally *tally, const char *format, ...)
{
	char text[FAULT_MAX];
	va_list arguments;

	if (tally->faults.count++ >= BENCH_FAULTS_TOLD)
		return;
	va_start(arguments, format);
	utf8_vformat(text, sizeof text, format, arguments);
	va_end(arguments);
	tally->faults.texts[tally->faults.count - 1] = arena_strdup(tally->arena, text);
}

void bench_tally_sent(struct bench_tally *tally, int64_t due_us)
{
	uint32_t number = tally->sent++;

	tally->due_us[number] = due_us;
	tally->speaking += tally->plan->steps[number].events > 0;
}

uint32_t bench_tally_under_way(const struct bench_tally *tally)
{
	return tally->speaking - tally->done;
}

/* One version more of the SKU; the version and not the content tells a duplicate. */
static bool is_news(struct bench_tally *tally, uint32_t sku, int64_t version)
{
	int64_t last = tally->versions[sku];

	if (version <= last) {
		tally->duplicates++;
		return false;
	}
	if (version != last + 1)
		bench_tally_fault(tally,
				  "SKU %" PRIu32 ": version %" PRId64 " was heard after version %" PRId64,
				  sku, version, last);
	tally->versions[sku] = (uint32_t)version;
	return true;
}

static void take_event(struct bench_tally *tally, enum message_type type, uint32_t number, int64_t now_us)
{
	const struct bench_step *step = &tally->plan->steps[number];
	uint8_t index = tally->heard[number];

	if (index >= step->events) {
		bench_tally_fault(tally, "message %08" PRIu32 " caused one %s too many", number,
				  message_name(type));
		return;
	}
	if (type != bench_event(step, index))
		bench_tally_fault(tally, "message %08" PRIu32 " caused %s, not %s", number,
				  message_name(type), message_name(bench_event(step, index)));
	if (++tally->heard[number] < step->events)
		return;
	tally->done_us[number] = now_us;
	tally->done++;
}

void bench_tally_heard(struct bench_tally *tally, enum message_type type, uint32_t number, int64_t version,
		       int64_t now_us)
{
	if (number >= tally->sent)
		bench_tally_fault(tally, "message %08" PRIu32 " caused an event before it was sent", number);
	else if (is_news(tally, tally->plan->steps[number].sku, version))
		take_event(tally, type, number, now_us);
}
