/*
 * A histogram: how many values there were of each size.  Values and bounds are whole numbers of one unit
 * (microseconds, messages), so a value is added without any arithmetic of fractions.
 */
#ifndef ALLOCD_BUS_STATISTICS_HISTOGRAM_H
#define ALLOCD_BUS_STATISTICS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 14

/* The upper bounds of the buckets, ascending.  A value that equals a bound belongs to its bucket. */
struct histogram_scale {
	size_t count;
	int64_t bounds[HISTOGRAM_BOUNDS_MAX];
};

extern const struct histogram_scale histogram_durations; /* microseconds, from 0.5 ms to 10 s */
extern const struct histogram_scale histogram_unit_sizes;

/* All zero: without values.  Its counts only go up. */
struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* by bucket; those above the last bound come behind it */
	double sum;                                /* never overflows */
};

/* A negative value, as of a clock that was set back, counts as 0. */
void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, int64_t value);

/* How many values were at most bound number `bound`; `scale->count` in its place: how many there were. */
uint64_t histogram_up_to(const struct histogram *histogram, size_t bound);

/*
 * The value that `share` of the values did not exceed, of those that came between two states of a histogram;
 * within its bucket as if they were spread evenly.  The last bound, if it lies above; -1: no value came.
 */
double histogram_quantile(const struct histogram *before, const struct histogram *now,
			  const struct histogram_scale *scale, double share);

#endif
