/* The time comes from the kernel, timers come from libevent. */
#include "adapters/system/clock.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"

#include <event2/event.h>

struct timer {
	struct event *event;
	void (*fired)(void *context);
	void *context;
};

static int64_t now_ms(struct clock *port)
{
	(void)port;
	return monotonic_ms();
}

static int64_t now_us(struct clock *port)
{
	(void)port;
	return monotonic_us();
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct timer *timer = context;

	(void)fd;
	(void)what;
	timer->fired(timer->context);
}

static struct timer *timer_new(struct clock *port, void (*fired)(void *context), void *context)
{
	struct timer *timer = must_alloc(sizeof *timer);

	*timer = (struct timer){.fired = fired, .context = context};
	timer->event = must(evtimer_new(((struct system_clock *)port)->base, on_timeout, timer));
	return timer;
}

static void timer_set(struct timer *timer, int64_t delay_ms)
{
	struct timeval delay = {0, 0};

	if (delay_ms > 0)
		delay = (struct timeval){delay_ms / 1000, (delay_ms % 1000) * 1000};
	evtimer_add(timer->event, &delay);
}

static void timer_stop(struct timer *timer)
{
	evtimer_del(timer->event);
}

static void timer_free(struct timer **timer)
{
	if (!*timer)
		return;
	event_free((*timer)->event);
	free(*timer);
	*timer = NULL;
}

void system_clock_init(struct system_clock *clock, struct event_base *base)
{
	static const struct clock_ops ops = {
		.now_ms = now_ms,
		.now_us = now_us,
		.timer_new = timer_new,
		.timer_set = timer_set,
		.timer_stop = timer_stop,
		.timer_free = timer_free,
	};

	*clock = (struct system_clock){.clock = {&ops}, .base = base};
}
