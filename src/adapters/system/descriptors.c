/* The process's file descriptors. */
#include "adapters/system/descriptors.h"

#include "core/base/must.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* In ascending order, because open() returns the lowest free number. */
bool descriptors_open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (!is_open(fd) && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	}
	return true;
}

void descriptors_raise_limit(size_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Counts by opening and closing them, because inherited descriptors use up part of the limit. */
size_t descriptors_free(size_t wanted)
{
	int *opened = must_alloc((wanted + 1) * sizeof *opened);
	size_t count = 0, free_count;

	while (count < wanted && (opened[count] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
		count++;
	free_count = count;
	while (count > 0)
		close(opened[--count]);
	free(opened);
	return free_count;
}
