/*
 * Properties: lives of a product by chance.  A seed leads several of them.
 *
 * A failure names its seed: see seeds_to_run().
 */
#include "life.h"
#include "support/suites.h"

#include <stdio.h>

#define SEEDS           40
#define LIVES           40
#define COMMANDS_A_LIFE 250

static uint64_t draw(void *state)
{
	return life_splitmix(state);
}

START_TEST(random_commands_agree_with_the_model)
{
	uint64_t state = (uint64_t)_i;
	const struct life_chance chance = {draw, &state};
	char name[64];

	for (int life = 0; life < LIVES; life++) {
		snprintf(name, sizeof name, "seed %d, life %d", _i, life);
		life_lead(name, COMMANDS_A_LIFE, &chance);
	}
}
END_TEST

SUITE("core properties", .timeout_s = 120)
{
	struct seeds seeds = seeds_to_run(1, SEEDS);

	tcase_add_loop_test(tests, random_commands_agree_with_the_model, seeds.first, seeds.end);
}
