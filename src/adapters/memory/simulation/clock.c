/* Each timer that is set is a task in the simulated loop. */
#include "adapters/memory/simulation/clock.h"

#include "core/base/container_of.h"
#include "core/base/must.h"

struct timer {
	struct simulation *simulation;
	struct task *task; /* NULL: not set */
	void (*fired)(void *context);
	void *context;
};

static struct simulation *simulation_of(struct clock *clock)
{
	return container_of(clock, struct memory_clock, clock)->simulation;
}

static int64_t now_ms(struct clock *clock)
{
	const struct memory_clock *it = container_of(clock, struct memory_clock, clock);

	return simulation_now_ms(it->simulation) + it->ahead_ms;
}

static int64_t now_us(struct clock *clock)
{
	return 1000 * now_ms(clock);
}

static struct timer *timer_new(struct clock *clock, void (*fired)(void *context), void *context)
{
	struct timer *timer = must_alloc(sizeof *timer);

	timer->simulation = simulation_of(clock);
	timer->fired = fired;
	timer->context = context;
	return timer;
}

static void timer_stop(struct timer *timer)
{
	simulation_cancel(timer->simulation, &timer->task);
}

static void on_due(void *context)
{
	struct timer *timer = context;

	timer->task = NULL;
	timer->fired(timer->context);
}

static void timer_set(struct timer *timer, int64_t delay_ms)
{
	timer_stop(timer);
	timer->task = simulation_post(timer->simulation, delay_ms, on_due, timer);
}

static void timer_free(struct timer **timer)
{
	if (!*timer)
		return;
	timer_stop(*timer);
	free(*timer);
	*timer = NULL;
}

void memory_clock_init(struct memory_clock *clock, struct simulation *simulation)
{
	static const struct clock_ops ops = {now_ms, now_us, timer_new, timer_set, timer_stop, timer_free};

	*clock = (struct memory_clock){{&ops}, simulation, 0};
}
