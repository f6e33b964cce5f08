/* Port: time.  The engine has no other way to wait. */
#ifndef ALLOCD_BUS_PORTS_CLOCK_H
#define ALLOCD_BUS_PORTS_CLOCK_H

#include <stdint.h>

struct timer;

struct clock {
	const struct clock_ops *ops;
};

struct clock_ops {
	/* Milliseconds of a monotonic clock, which may start anywhere. */
	int64_t (*now_ms)(struct clock *clock);

	/* The same clock in microseconds. */
	int64_t (*now_us)(struct clock *clock);

	/* A timer that is not set.  `fired` is called from the event loop, never from timer_set. */
	struct timer *(*timer_new)(struct clock *clock, void (*fired)(void *context), void *context);

	/* Fires once, in `delay_ms`; setting it again replaces the earlier time. */
	void (*timer_set)(struct timer *timer, int64_t delay_ms);
	void (*timer_stop)(struct timer *timer);

	/* Accepts NULL in *timer and nulls it. */
	void (*timer_free)(struct timer **timer);
};

#endif
