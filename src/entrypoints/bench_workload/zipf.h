/* Chance that can be repeated, for what a run sends: numbers, and SKUs as likely as wanted. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_ZIPF_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_ZIPF_H

#include <stdint.h>

struct bench_zipf;

/* Over so many sides.  `zipf` > 0: the side of rank k is as likely as 1 / k to that power; 0: all alike. */
struct bench_zipf *bench_zipf_new(uint32_t sides, double zipf, uint64_t seed);

/* Accepts NULL in *dice and nulls it. */
void bench_zipf_free(struct bench_zipf **generator);

/* A side, from 0. */
uint32_t bench_zipf_next(struct bench_zipf *generator);

/* From 0 to 99. */
uint32_t bench_zipf_percent(struct bench_zipf *generator);

#endif
