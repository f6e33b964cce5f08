/* Reads the costs of a run: figures of the worker, Postgres, Redis and this process. */
#include "entrypoints/bench/meter.h"

#include "adapters/postgres/tools/bench_queries.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "entrypoints/status_command/http_client.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- the worker ---- */

static void read_worker(const struct listen_address *address, struct bench_gauges *gauges)
{
	struct http_reply reply = http_client_get(address, "/metrics", NULL);

	if (reply.status == 200)
		bench_read_metrics(gauges, reply.body);
	free(reply.body);
}

/* ---- Postgres ---- */

static bool read_process(long pid, struct bench_process *process)
{
	char path[64], text[1024];
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	size = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[size] = '\0';
	return bench_read_process(process, text);
}

/* The processor time of all running children of a process. */
static unsigned long long ticks_of_children(long parent)
{
	DIR *processes = opendir("/proc");
	struct bench_process process;
	unsigned long long ticks = 0;
	struct dirent *entry;

	while (processes && (entry = readdir(processes))) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && read_process(pid, &process) && process.parent == parent)
			ticks += process.own_ticks;
	}
	if (processes)
		closedir(processes);
	return ticks;
}

/* The CPU time of the whole server: its first process, its running children, and those that ended. */
static double postgres_cpu_s(int64_t backend)
{
	struct bench_process served_by, first;

	if (backend <= 0 || !read_process((long)backend, &served_by) ||
	    strcmp(served_by.name, "postgres") != 0 || !read_process(served_by.parent, &first))
		return NAN;
	return (double)(first.own_ticks + first.ended_ticks + ticks_of_children(served_by.parent)) /
	       (double)sysconf(_SC_CLK_TCK);
}

/* ---- Redis ---- */

/* Adds up the CPU times in INFO, in microseconds: a script can reply with one number. */
static const char read_cpu[] =
	"local info, sum = redis.call('INFO', 'cpu'), 0\n"
	"for seconds in info:gmatch('used_cpu_%a+:([%d.]+)') do sum = sum + tonumber(seconds) end\n"
	"return math.floor(sum * 1000000)";

static bool read_redis_cpu(struct tools *tools, double *cpu_s)
{
	const struct bytes arguments[] = {bytes_of("EVAL"), bytes_of(read_cpu), bytes_of("0")};
	int64_t us = 0;

	if (!redis_client_number(tools->redis, arguments, 3, &us, tools->redis_error))
		return tools_report_redis(tools);
	*cpu_s = (double)us / 1e6;
	return true;
}

/* ---- all figures ---- */

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double own_cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool bench_meter_read(struct tools *tools, struct bench_gauges *gauges)
{
	const struct listen_address *http = &tools->invocation->config.http;
	struct database_gauges database;

	*gauges = bench_gauges_unknown;
	if (http->host)
		read_worker(http, gauges);
	if (!postgres_read_gauges(tools_client(tools), &database))
		return tools_report_database(tools);
	if (!read_redis_cpu(tools, &gauges->redis_cpu_s))
		return false;
	gauges->wal_bytes = (double)database.wal_bytes;
	gauges->postgres_cpu_s = postgres_cpu_s(database.backend);
	gauges->load_cpu_s = own_cpu_s();
	return true;
}
