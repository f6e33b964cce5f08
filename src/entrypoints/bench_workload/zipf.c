/* Draws with splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators). */
#include "entrypoints/bench_workload/zipf.h"

#include "core/base/must.h"

#include <math.h>

struct bench_zipf {
	uint64_t state;
	uint32_t range;
	double *sums; /* of the weights up to each number; the last is 1; NULL: all weights are equal */
};

static uint64_t next(struct bench_zipf *generator)
{
	uint64_t bits = generator->state += 0x9e3779b97f4a7c15;

	bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
	bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
	return bits ^ (bits >> 31);
}

static double *sums_of(uint32_t range, double zipf)
{
	double *sums = must_alloc(range * sizeof *sums), sum = 0;

	for (uint32_t i = 0; i < range; i++)
		sums[i] = sum += pow(i + 1.0, -zipf);
	for (uint32_t i = 0; i < range; i++)
		sums[i] /= sum;
	return sums;
}

struct bench_zipf *bench_zipf_new(uint32_t range, double zipf, uint64_t seed)
{
	struct bench_zipf *generator = must_alloc(sizeof *generator);

	generator->state = seed;
	generator->range = range;
	if (zipf > 0)
		generator->sums = sums_of(range, zipf);
	return generator;
}

void bench_zipf_free(struct bench_zipf **generator)
{
	if (!*generator)
		return;
	free((*generator)->sums);
	free(*generator);
	*generator = NULL;
}

/* The first number whose sum is above the point. */
static uint32_t number_at(const struct bench_zipf *generator, double point)
{
	uint32_t low = 0, high = generator->range - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (generator->sums[middle] > point)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint32_t bench_zipf_next(struct bench_zipf *generator)
{
	uint64_t bits = next(generator) >> 32;

	return generator->sums ? number_at(generator, (double)bits / 4294967296.0)
			       : (uint32_t)(bits * generator->range >> 32);
}

uint32_t bench_zipf_percent(struct bench_zipf *generator)
{
	return (uint32_t)((next(generator) >> 32) * 100 >> 32);
}
