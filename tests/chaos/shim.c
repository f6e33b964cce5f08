/*
 * Preloaded (LD_PRELOAD) into the servers and workers of `./dev chaos`: a clock that is off, a slow disk.
 *
 * CHAOS_SHIM names a file of two integers of 64 bits, which may change at any time: by how many microseconds
 * the clock of the day is off, and how many milliseconds each fsync() takes longer. Without the file nothing
 * differs.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct settings {
	int64_t clock_us;
	int64_t fsync_ms;
};

static const struct settings none;
static const volatile struct settings *settings = &none;

__attribute__((constructor)) static void find_settings(void)
{
	const char *path = getenv("CHAOS_SHIM");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *memory;

	if (fd < 0)
		return;
	memory = mmap(NULL, sizeof *settings, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (memory != MAP_FAILED)
		settings = memory;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int status = (int)syscall(SYS_clock_gettime, clock, now);
	int64_t us;

	if (status != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return status;
	us = (int64_t)now->tv_sec * 1000000 + settings->clock_us;
	now->tv_nsec += us % 1000000 * 1000;
	now->tv_sec = us / 1000000 + now->tv_nsec / 1000000000;
	now->tv_nsec %= 1000000000;
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	int status = clock_gettime(CLOCK_REALTIME, &exact);

	(void)zone;
	*now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
	return status;
}

time_t time(time_t *stored)
{
	struct timespec exact;

	clock_gettime(CLOCK_REALTIME, &exact);
	if (stored)
		*stored = exact.tv_sec;
	return exact.tv_sec;
}

static void take_longer(void)
{
	int64_t ms = settings->fsync_ms;
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	if (ms > 0)
		nanosleep(&pause, NULL);
}

int fsync(int fd)
{
	take_longer();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	take_longer();
	return (int)syscall(SYS_fdatasync, fd);
}
