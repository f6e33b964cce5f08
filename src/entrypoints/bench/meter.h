/* Reads the costs of a run: figures of the worker, Postgres, Redis and this process. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_METER_H
#define ALLOCD_ENTRYPOINTS_BENCH_METER_H

#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/bench_report/figures.h"

/* A figure that cannot be known is NAN.  False: the failure was reported, see admin_tools.h. */
bool bench_meter_read(struct tools *tools, struct bench_gauges *gauges);

#endif
