/* What the run costs: figures of the worker, Postgres, Redis and this process, read before and after. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_METER_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_METER_H

#include "entrypoints/bench_report/figures.h"
#include "entrypoints/main/admin_tools.h"

/* What cannot be known is NAN.  False: see the tools. */
bool bench_meter_read(struct tools *tools, const struct config *config, struct bench_gauges *gauges);

#endif
