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

double histogram_quantile(const struct histogram *before, const struct histogram *now,
			  const struct histogram_scale *scale, double share)
{
	double wanted =
		share * (double)(histogram_up_to(now, scale->count) - histogram_up_to(before, scale->count));
	double below = 0;

	if (wanted <= 0)
		return -1;
	for (size_t i = 0; i < scale->count; i++) {
		double count = (double)(now->counts[i] - before->counts[i]);
		double from = i ? (double)scale->bounds[i - 1] : 0;

		if (count > 0 && below + count >= wanted)
			return from + ((double)scale->bounds[i] - from) * (wanted - below) / count;
		below += count;
	}
	return (double)scale->bounds[scale->count - 1];
}
