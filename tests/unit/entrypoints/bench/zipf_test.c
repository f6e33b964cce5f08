/* The random numbers by which a run chooses its SKUs. */
#include "bench_world.h"
#include "entrypoints/bench_workload/zipf.h"
#include "support/suites.h"

#include <stdlib.h>

static void draw(double zipf, int counts[10])
{
	struct bench_zipf *generator = bench_zipf_new(10, zipf, SEED);

	for (int i = 0; i < 10000; i++)
		counts[bench_zipf_next(generator)]++;
	bench_zipf_free(&generator);
}

START_TEST(without_an_exponent_every_number_is_equally_likely)
{
	int counts[10] = {0};

	draw(0, counts);

	for (int i = 0; i < 10; i++)
		ck_assert_msg(counts[i] > 850 && counts[i] < 1150, "number %d: %d", i, counts[i]);
}
END_TEST

/* With the exponent 1 the share of number k is 1/k divided by the tenth harmonic number, 2.929. */
START_TEST(with_the_exponent_one_shares_follow_zipfs_law)
{
	int counts[10] = {0};

	draw(1, counts);

	for (int i = 0; i < 10; i++) {
		int share = (int)(10000 / 2.929 / (i + 1));

		ck_assert_msg(abs(counts[i] - share) < share / 5 + 30, "number %d: %d, not %d", i, counts[i],
			      share);
	}
}
END_TEST

SUITE("bench zipf", bench_set_up, bench_tear_down)
{
	tcase_add_test(tests, without_an_exponent_every_number_is_equally_likely);
	tcase_add_test(tests, with_the_exponent_one_shares_follow_zipfs_law);
}
