/* Takes the steps of a run, and prints what happens in them. */
#include "simulation/schedule/schedule.h"

#include "core/base/hash.h"
#include "support/bus_world.h"
#include "support/suites.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct memory_random *random;
	uint64_t seed;
	int steps, step;
	bool *is_taken; /* by number */
	bool tells;
	size_t outcomes, events; /* that the story has */
} run;

/* ---- the steps that are taken ---- */

/* Reads a number of a step, and moves `text` behind it. */
static int read_step(const char **text, const char *all)
{
	char *end;
	long number = strtol(*text, &end, 10);

	if (end == *text || **text == '-' || **text == '+' || number < 1 || number > run.steps)
		ck_abort_msg(
			"ALLOCD_TEST_STEPS=%s: \"%s\" does not begin with the number of a step, from 1 to %d",
			all, *text, run.steps);
	*text = end;
	return (int)number;
}

static void take_range(const char **text, const char *all)
{
	int first = read_step(text, all), last = first;

	if (**text == '-') {
		++*text;
		last = read_step(text, all);
	}
	expect_that(first <= last, "ALLOCD_TEST_STEPS=%s: %d-%d is no range of steps", all, first, last);
	for (int step = first; step <= last; step++)
		run.is_taken[step] = true;
}

/* "" takes no step. */
static void read_steps(const char *all)
{
	for (const char *text = all; *text;) {
		take_range(&text, all);
		expect_that(!*text || (*text == ',' && text[1]),
			    "ALLOCD_TEST_STEPS=%s: \"%s\" where a comma and another step are expected", all,
			    text);
		text += *text == ',';
	}
}

static void choose_steps(void)
{
	const char *chosen = getenv("ALLOCD_TEST_STEPS");

	run.is_taken = arena_alloc(world->arena, (size_t)run.steps + 1);
	if (chosen)
		read_steps(chosen);
	else
		memset(run.is_taken, true, (size_t)run.steps + 1);
}

int schedule_length(uint64_t seed, int longest)
{
	struct memory_random random;
	uint64_t kind;

	if (seed < FRESH_SEEDS)
		return longest;
	memory_random_init(&random, ~seed);
	kind = random_below(&random.random, 64);
	if (!kind)
		return longest;
	return 5 + (int)random_below(&random.random, (uint64_t)longest / (kind < 8 ? 4 : 12));
}

/* Neighbouring numbers give unrelated sequences. */
static void seed_step(void)
{
	uint64_t first;

	memory_random_init(run.random, run.seed);
	first = random_below(&run.random->random, UINT64_MAX);
	memory_random_init(run.random, first + (uint64_t)run.step);
	memory_random_init(run.random, random_below(&run.random->random, UINT64_MAX));
}

/* ---- the story ---- */

__attribute__((format(printf, 1, 0))) static void print_line(const char *format, va_list arguments)
{
	int64_t now_ms = simulation_now_ms(world->simulation);

	printf("%6" PRId64 ".%03" PRId64 " s  ", now_ms / 1000, now_ms % 1000);
	if (run.step > run.steps)
		printf("the end   ");
	else
		printf("step %-3d  ", run.step);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout); /* a test that fails ends at once */
}

void story(const char *format, ...)
{
	va_list arguments;

	if (!run.tells)
		return;
	va_start(arguments, format);
	print_line(format, arguments);
	va_end(arguments);
}

const char *in_one_line(const char *payload)
{
	char *text = arena_strdup(world->arena, payload);

	for (char *at = text; (at = strchr(at, '\n'));)
		*at = at[1] ? ' ' : '\0';
	return text;
}

/* Adds the outcomes and the publications since the last call. */
static void tell_news(void)
{
	const struct database *database = world->database;

	if (!run.tells)
		return;
	if (run.outcomes > database->inbox_count) /* it was restored */
		run.outcomes = database->inbox_count;
	for (; run.outcomes < database->inbox_count; run.outcomes++) {
		const struct inbox_row *row = database->inbox_list[run.outcomes];

		story("the outcome of %s %s: %s", row->message, row->id, outcome_name(row->outcome));
	}
	for (; run.events < memory_broker_count(world->broker); run.events++) {
		const struct outgoing *event = memory_broker_event(world->broker, run.events);

		story("an event is published: %s %s", message_name(event->type),
		      in_one_line(arena_text(world->arena, event->payload.data, event->payload.size)));
	}
}

static uint64_t with_number(uint64_t hash, uint64_t number)
{
	return fnv1a(hash, &number, sizeof number);
}

uint64_t schedule_trace(void)
{
	const struct database *database = world->database;
	uint64_t hash = with_number(FNV_BASIS, simulation_trace(world->simulation));

	for (size_t i = 0; i < database->inbox_count; i++) {
		const struct inbox_row *row = database->inbox_list[i];

		hash = with_number(fnv1a(hash, row->key, strlen(row->key)), row->outcome);
	}
	for (size_t i = 0; i < memory_broker_count(world->broker); i++) {
		const struct outgoing *event = memory_broker_event(world->broker, i);

		hash = fnv1a(with_number(hash, event->type), event->payload.data, event->payload.size);
	}
	return hash;
}

/* ---- one step after the other ---- */

void schedule_begin(struct memory_random *random, uint64_t seed, int steps)
{
	const char *tells = getenv("ALLOCD_TEST_STORY");

	memset(&run, 0, sizeof run);
	run.random = random;
	run.seed = seed;
	run.steps = steps;
	run.tells = tells && !strcmp(tells, "1");
	choose_steps();
	seed_step();
	story("seed %" PRIu64 " begins, with %d steps", seed, steps);
}

bool schedule_next(void)
{
	tell_news();
	do
		run.step++;
	while (run.step <= run.steps && !run.is_taken[run.step]);
	seed_step();
	return run.step <= run.steps;
}

int schedule_step(void)
{
	return run.step;
}

void schedule_end(void)
{
	tell_news();
	if (run.tells)
		printf("trace %016" PRIx64 "\n", schedule_trace());
	run.tells = false;
}
