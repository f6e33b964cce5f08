/* Parses figures about processes from the texts that report them. */
#include "entrypoints/bench_report/figures.h"

#include "core/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct bench_gauges bench_gauges_unknown = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};

/* ---- Prometheus' text format ---- */

/* The value of a metric without labels. */
static double metric(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtod(line + length, NULL);
	}
	return NAN;
}

void bench_read_metrics(struct bench_gauges *gauges, const char *text)
{
	gauges->worker_cpu_s = metric(text, "process_cpu_seconds_total");
	gauges->memory_now = metric(text, "process_resident_memory_bytes");
	gauges->memory_peak = metric(text, "allocd_resident_memory_peak_bytes");
	gauges->units = metric(text, "allocd_unit_size_messages_count");
	gauges->unit_messages = metric(text, "allocd_unit_size_messages_sum");
}

/* ---- processes ---- */

/* The text is "12 (name) S 1 ..."; the name may contain anything, blanks and parentheses too. */
bool bench_read_process(struct bench_process *process, const char *stat)
{
	const char *name = strchr(stat, '('), *end = strrchr(stat, ')');
	unsigned long long user, system, ended_user, ended_system;

	if (!name || !end || end < name)
		return false;
	utf8_format(process->name, sizeof process->name, "%.*s", (int)(end - name - 1), name + 1);
	if (sscanf(end + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
		   &process->parent, &user, &system, &ended_user, &ended_system) != 5)
		return false;
	process->own_ticks = user + system;
	process->ended_ticks = ended_user + ended_system;
	return true;
}
