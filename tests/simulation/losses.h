/*
 * Computes which messages on pub/sub may be lost, as docs/decisions/pubsub.md says, by what the server sent
 * to which worker, and by which worker had the lease when.  It marks them in shared_pubsub.
 */
#ifndef ALLOCD_TESTS_LOSSES_H
#define ALLOCD_TESTS_LOSSES_H

#include <stdint.h>

/* Watches the first `workers` ones of `replicas`, until the end. */
void losses_begin(int workers);
void losses_end(void);

/* The database was restored, with leases and beats of before: all may be lost, until that time. */
void losses_restored(void);
void losses_excuse_until(int64_t until_ms);

/* To be called before a worker is killed. */
void losses_look(void);

#endif
