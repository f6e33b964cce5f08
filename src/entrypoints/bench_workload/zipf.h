/* Draws random numbers from a seed, equally likely or by Zipf's law. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_ZIPF_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_ZIPF_H

#include <stdint.h>

struct bench_zipf;

/*
 * Draws from the numbers below `range`.  With an exponent `zipf` above 0 the k-th number has the weight
 * 1 / k^zipf; with 0 all are equally likely.
 */
struct bench_zipf *bench_zipf_new(uint32_t range, double zipf, uint64_t seed);

/* Accepts NULL in *generator and nulls it. */
void bench_zipf_free(struct bench_zipf **generator);

/* The next number. */
uint32_t bench_zipf_next(struct bench_zipf *generator);

/* A number from 0 to 99, all equally likely. */
uint32_t bench_zipf_percent(struct bench_zipf *generator);

#endif
