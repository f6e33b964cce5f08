/* Missing descriptors and low limits.  Each test runs in a process of its own. */
#include "adapters/system/descriptors.h"

#include "support/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Runs for every combination of the three; the bits of _i are the closed ones. */
START_TEST(a_closed_standard_descriptor_never_becomes_a_file_of_the_program)
{
	bool ok;
	int next;

	for (int fd = 0; fd <= 2; fd++) {
		if (_i & 1 << fd)
			close(fd);
	}
	ok = descriptors_open_standard();
	next = open("/dev/null", O_RDONLY);

	ck_assert(ok);
	ck_assert_int_gt(next, 2);
	close(next);
}
END_TEST

START_TEST(writing_to_the_substitute_of_a_closed_output_fails)
{
	ssize_t out, err;
	int out_errno, err_errno;

	close(1);
	close(2);
	descriptors_open_standard();
	out = write(1, "lost", 4);
	out_errno = errno;
	err = write(2, "lost", 4);
	err_errno = errno;

	ck_assert_int_eq(out, -1);
	ck_assert_int_eq(out_errno, EBADF);
	ck_assert_int_eq(err, -1);
	ck_assert_int_eq(err_errno, EBADF);
}
END_TEST

START_TEST(an_open_standard_descriptor_is_not_replaced)
{
	struct stat before, after;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], 2);
	close(0);
	fstat(2, &before);
	ck_assert(descriptors_open_standard());
	fstat(2, &after);

	ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

static void limit_to(rlim_t soft, rlim_t hard)
{
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){soft, hard}), 0);
}

static rlim_t soft_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

START_TEST(the_soft_limit_is_raised_to_the_wanted_one_or_to_the_hard_limit)
{
	limit_to(64, 200);
	descriptors_raise_limit(100);
	ck_assert_uint_eq(soft_limit(), 100);

	descriptors_raise_limit(1000);
	ck_assert_uint_eq(soft_limit(), 200);

	descriptors_raise_limit(50);
	ck_assert_uint_eq(soft_limit(), 200);
}
END_TEST

START_TEST(free_descriptors_are_counted_without_the_open_ones)
{
	int inherited[10];
	size_t before;

	limit_to(64, 64);
	before = descriptors_free(100);
	for (int i = 0; i < 10; i++)
		inherited[i] = dup(0);

	ck_assert_uint_lt(before, 64);
	ck_assert_uint_eq(descriptors_free(100), before - 10);
	ck_assert_uint_eq(descriptors_free(5), 5);
	close(inherited[0]);
	ck_assert_uint_eq(descriptors_free(100), before - 9);
}
END_TEST

SUITE("descriptors")
{
	tcase_add_loop_test(tests, a_closed_standard_descriptor_never_becomes_a_file_of_the_program, 0, 8);
	tcase_add_test(tests, writing_to_the_substitute_of_a_closed_output_fails);
	tcase_add_test(tests, an_open_standard_descriptor_is_not_replaced);
	tcase_add_test(tests, the_soft_limit_is_raised_to_the_wanted_one_or_to_the_hard_limit);
	tcase_add_test(tests, free_descriptors_are_counted_without_the_open_ones);
}
