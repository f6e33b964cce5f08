/*
 * Writes a run's messages, and recognizes its events.
 *
 * Every name that a run makes begins with the run's name: message ids are RUN-m and eight digits, SKUs
 * RUN-s…, batches RUN-b…, orders RUN-o….  The width is fixed, so that names sort as their numbers do.  An
 * event carries the id of the message that caused it as a text, in every encoding and envelope, so the
 * bytes are searched for it: parsing each event as a document would take processor time from the worker
 * that is measured.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_BENCH_MESSAGES_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_BENCH_MESSAGES_H

#include "core/base/bytes.h"
#include "entrypoints/bench_workload/verifier.h"

#define BENCH_RUN_SIZE    32
#define BENCH_PAYLOAD_MAX 512
#define BENCH_ID_SIZE     (BENCH_RUN_SIZE + 16)

/* Names a run after 64 random bits. */
void bench_run_name(char run[BENCH_RUN_SIZE], uint64_t bits);

/* The id of a message, for error texts. */
void bench_id(char id[BENCH_ID_SIZE], const char *run, uint32_t number);

/* Writes a message's payload into `out`, and returns its bytes there. */
struct bytes bench_payload(char out[BENCH_PAYLOAD_MAX], const char *run, uint32_t number,
			   const struct bench_step *step);

/* Reads an event.  False: it is not the run's. */
bool bench_read_event(struct bytes payload, const char *run, struct bench_event *event);

#endif
