/* What the kernel says of the process. */
#include "entrypoints/metrics/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void measure_memory(struct metrics *metrics)
{
	FILE *file = fopen("/proc/self/statm", "re");
	double page = (double)sysconf(_SC_PAGESIZE);
	unsigned long total, resident;

	if (!file)
		return;
	if (fscanf(file, "%lu %lu", &total, &resident) == 2) {
		metrics->virtual_bytes = (double)total * page;
		metrics->resident_bytes = (double)resident * page;
	}
	fclose(file);
}

/* The peak from getrusage() may be that of the program that started this one. */
static void measure_peak(struct metrics *metrics)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib;
	char line[128];

	if (!file)
		return;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
			metrics->peak_resident_bytes = (double)kib * 1024;
	}
	fclose(file);
}

/*
 * The folder lists its own descriptor, itself and its parent.  With no descriptor left it cannot be opened.
 */
static void measure_descriptors(struct metrics *metrics)
{
	DIR *folder = opendir("/proc/self/fd");
	struct rlimit limit;
	int entries = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics->max_fds = (double)limit.rlim_cur;
	if (!folder) {
		if (errno == EMFILE)
			metrics->open_fds = metrics->max_fds;
		return;
	}
	while (readdir(folder))
		entries++;
	closedir(folder);
	metrics->open_fds = entries - 3;
}

void metrics_measure_process(struct metrics *metrics)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	metrics->cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	metrics->virtual_bytes = metrics->resident_bytes = metrics->peak_resident_bytes = (double)NAN;
	metrics->open_fds = metrics->max_fds = (double)NAN;
	measure_memory(metrics);
	measure_peak(metrics);
	measure_descriptors(metrics);
}
