/* Counts values by size. */
#include "bus/statistics/histogram.h"

const struct histogram_scale histogram_durations = {
	14,
	{500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
	 10000000},
};

const struct histogram_scale histogram_unit_sizes = {10, {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}};

void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, int64_t value)
{
	size_t bucket = 0;

	if (value < 0)
		value = 0;
	while (bucket < scale->count && value > scale->bounds[bucket])
		bucket++;
	histogram->counts[bucket]++;
	histogram->sum += (double)value;
}

uint64_t histogram_up_to(const struct histogram *histogram, size_t bound)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= bound; i++)
		count += histogram->counts[i];
	return count;
}
