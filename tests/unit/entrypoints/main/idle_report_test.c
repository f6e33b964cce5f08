/* A token is answered when the worker is idle, and not before. */
#include "entrypoints/main/idle_report.h"

#include "adapters/memory/simulation/clock.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static struct simulation *simulation;
static struct memory_clock clock_;
static struct idle_report *report;
static bool idle;
static char answers[4096];

static bool is_idle(void *context)
{
	(void)context;
	return idle;
}

static void answer(void *context, struct bytes token)
{
	(void)context;
	snprintf(answers + strlen(answers), sizeof answers - strlen(answers), "%.*s ", (int)token.size,
		 (const char *)token.data);
}

static void set_up(void)
{
	simulation = simulation_new();
	memory_clock_init(&clock_, simulation);
	report = idle_report_new(&clock_.clock, &(struct idle_report_worker){is_idle, answer, NULL});
	idle = false;
	answers[0] = '\0';
}

static void tear_down(void)
{
	idle_report_free(&report);
	simulation_free(&simulation);
}

static void ask(const char *token)
{
	idle_report_ask(report, (struct bytes){token, strlen(token)});
}

START_TEST(an_idle_worker_answers_from_the_event_loop)
{
	idle = true;

	ask("token");
	ck_assert_str_eq(answers, "");
	simulation_advance_ms(simulation, 0);

	ck_assert_str_eq(answers, "token ");
}
END_TEST

START_TEST(a_busy_worker_answers_each_token_once_when_it_is_idle)
{
	ask("a");
	ask("b");
	simulation_advance_ms(simulation, 1000);
	ck_assert_str_eq(answers, "");

	idle = true;
	simulation_advance_ms(simulation, 1000);

	ck_assert_str_eq(answers, "a b ");
}
END_TEST

START_TEST(beyond_the_bound_the_oldest_token_is_dropped)
{
	char token[8];

	for (int i = 0; i < IDLE_TOKENS_MAX + 1; i++) {
		snprintf(token, sizeof token, "%d", i);
		ask(token);
	}
	idle = true;
	simulation_advance_ms(simulation, 1000);

	ck_assert_int_eq(strncmp(answers, "1 2 3 ", 6), 0);
}
END_TEST

START_TEST(an_empty_or_too_long_token_is_not_answered)
{
	char long_one[IDLE_TOKEN_MAX + 2];

	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	idle = true;

	ask("");
	ask(long_one);
	simulation_advance_ms(simulation, 1000);

	ck_assert_str_eq(answers, "");
}
END_TEST

SUITE("idle report", set_up, tear_down)
{
	tcase_add_test(tests, an_idle_worker_answers_from_the_event_loop);
	tcase_add_test(tests, a_busy_worker_answers_each_token_once_when_it_is_idle);
	tcase_add_test(tests, beyond_the_bound_the_oldest_token_is_dropped);
	tcase_add_test(tests, an_empty_or_too_long_token_is_not_answered);
}
