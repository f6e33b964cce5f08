/*
 * How a run's messages are written, and how its events are told from others'.
 *
 * Everything a run makes bears the run's name: message ids are RUN-m and eight digits, SKUs RUN-s…, batches
 * RUN-b…, orders RUN-o….  The width is fixed, so that names sort as their numbers do.  An event carries the
 * id of the message that caused it as a text, in every encoding and envelope; so it is looked for as bytes,
 * for whoever reads every event as a document takes from the machine what is to be measured.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_BENCH_MESSAGES_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_BENCH_MESSAGES_H

#include "core/base/bytes.h"
#include "entrypoints/bench_workload/plan.h"

#define BENCH_RUN_SIZE    32
#define BENCH_PAYLOAD_MAX 512
#define BENCH_ID_SIZE     (BENCH_RUN_SIZE + 16)

/* From so many random bits. */
void bench_run_name(char run[BENCH_RUN_SIZE], uint64_t bits);

/* The id of a message; for people. */
void bench_id(char id[BENCH_ID_SIZE], const char *run, uint32_t number);

/* Writes a message's payload, which lies in `out`. */
struct bytes bench_payload(char out[BENCH_PAYLOAD_MAX], const char *run, uint32_t number,
			   const struct bench_step *step);

/* Whether an event is the run's: which message caused it, and its version. */
bool bench_read_event(struct bytes payload, const char *run, uint32_t *number, int64_t *version);

#endif
