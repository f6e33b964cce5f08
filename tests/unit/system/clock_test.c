/* Timers on a real event loop. */
#include "adapters/system/clock.h"

#include "support/suites.h"

#include <event2/event.h>
#include <string.h>

static struct event_base *base;
static struct system_clock system_clock;
static struct clock *port;
static char fired[16];

static void setup(void)
{
	struct event_config *config = event_config_new();

	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(config);
	event_config_free(config);
	system_clock_init(&system_clock, base);
	port = &system_clock.clock;
	fired[0] = '\0';
}

static void teardown(void)
{
	event_base_free(base);
}

static void on_fired(void *context)
{
	strcat(fired, context);
}

START_TEST(timers_fire_in_the_order_of_their_times_and_not_too_early)
{
	static char a[] = "a", b[] = "b";
	struct timer *late = port->ops->timer_new(port, on_fired, a);
	struct timer *early = port->ops->timer_new(port, on_fired, b);
	int64_t begin = port->ops->now_ms(port);

	port->ops->timer_set(late, 30);
	port->ops->timer_set(early, 10);
	event_base_dispatch(base);

	ck_assert_str_eq(fired, "ba");
	ck_assert_int_ge(port->ops->now_ms(port) - begin, 29);
	port->ops->timer_free(&late);
	port->ops->timer_free(&early);
}
END_TEST

static const int64_t at_once[] = {0, -1, INT64_MIN};

START_TEST(a_timer_without_delay_fires_from_the_loop)
{
	static char a[] = "a";
	struct timer *timer = port->ops->timer_new(port, on_fired, a);

	port->ops->timer_set(timer, at_once[_i]);
	ck_assert_str_eq(fired, "");
	event_base_dispatch(base);

	ck_assert_str_eq(fired, "a");
	port->ops->timer_free(&timer);
}
END_TEST

START_TEST(a_timer_that_is_set_again_fires_at_the_later_time_only)
{
	static char a[] = "a";
	struct timer *timer = port->ops->timer_new(port, on_fired, a);

	port->ops->timer_set(timer, 100000);
	port->ops->timer_set(timer, 1);
	event_base_dispatch(base);

	ck_assert_str_eq(fired, "a");
	port->ops->timer_free(&timer);
}
END_TEST

START_TEST(a_timer_that_is_stopped_or_freed_does_not_fire)
{
	static char a[] = "a";
	struct timer *stopped = port->ops->timer_new(port, on_fired, a);
	struct timer *freed = port->ops->timer_new(port, on_fired, a);

	port->ops->timer_set(stopped, 1);
	port->ops->timer_set(freed, 1);
	port->ops->timer_stop(stopped);
	port->ops->timer_free(&freed);
	event_base_dispatch(base);

	ck_assert_str_eq(fired, "");
	ck_assert_ptr_null(freed);
	port->ops->timer_free(&freed);
	port->ops->timer_free(&stopped);
}
END_TEST

SUITE("system clock", setup, teardown)
{
	tcase_add_test(tests, timers_fire_in_the_order_of_their_times_and_not_too_early);
	tcase_add_loop_test(tests, a_timer_without_delay_fires_from_the_loop, 0, COUNT(at_once));
	tcase_add_test(tests, a_timer_that_is_set_again_fires_at_the_later_time_only);
	tcase_add_test(tests, a_timer_that_is_stopped_or_freed_does_not_fire);
}
