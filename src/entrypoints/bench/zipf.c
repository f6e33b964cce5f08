/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators), and sums for Zipf. */
#include "entrypoints/bench/zipf.h"

#include "core/base/must.h"

#include <math.h>

struct bench_dice {
	uint64_t state;
	uint32_t sides;
	double *sums; /* of the weights up to each side, the last is 1; NULL: all weigh the same */
};

static uint64_t next(struct bench_dice *dice)
{
	uint64_t bits = dice->state += 0x9e3779b97f4a7c15;

	bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
	bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
	return bits ^ (bits >> 31);
}

static double *sums_of(uint32_t sides, double zipf)
{
	double *sums = must_alloc(sides * sizeof *sums), sum = 0;

	for (uint32_t i = 0; i < sides; i++)
		sums[i] = sum += pow(i + 1.0, -zipf);
	for (uint32_t i = 0; i < sides; i++)
		sums[i] /= sum;
	return sums;
}

struct bench_dice *bench_dice_new(uint32_t sides, double zipf, uint64_t seed)
{
	struct bench_dice *dice = must_alloc(sizeof *dice);

	dice->state = seed;
	dice->sides = sides;
	if (zipf > 0)
		dice->sums = sums_of(sides, zipf);
	return dice;
}

void bench_dice_free(struct bench_dice **dice)
{
	if (!*dice)
		return;
	free((*dice)->sums);
	free(*dice);
	*dice = NULL;
}

/* The first side whose sum is beyond the point. */
static uint32_t side_at(const struct bench_dice *dice, double point)
{
	uint32_t low = 0, high = dice->sides - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (dice->sums[middle] > point)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint32_t bench_dice_roll(struct bench_dice *dice)
{
	uint64_t bits = next(dice) >> 32;

	return dice->sums ? side_at(dice, (double)bits / 4294967296.0) : (uint32_t)(bits * dice->sides >> 32);
}

uint32_t bench_dice_percent(struct bench_dice *dice)
{
	return (uint32_t)((next(dice) >> 32) * 100 >> 32);
}
