/*
 * Measures the cost of units by the statistics of Postgres and Redis.  Both serve only this process, and
 * have no background work (see guard.py), so all work between begin and end is ours.
 */
#ifndef ALLOCD_TESTS_GUARD_METER_H
#define ALLOCD_TESTS_GUARD_METER_H

#include "core/base/bytes.h"

struct meter;

/* `database`: the one that is measured; `control`: a connection string of another one on the same server. */
struct meter *meter_new(const char *control, const char *database, const char *redis_host, int redis_port);
void meter_free(struct meter **meter);

void meter_begin(struct meter *meter);

/*
 * Prints the counts since the beginning, a line each: the case, the figure, the count, separated by tabs.
 *
 *     statement NAME, round_trips    as they were sent
 *     wal_records, wal_bytes         without full-page images and the server's own records
 *     buffers                        pages that statements read or found
 *     redis NAME                     commands that Redis ran, a script's own included
 *     redis_bytes_in, redis_bytes_out
 */
void meter_end(struct meter *meter, const char *name);

/* Adds the entry with that number, from 1, to the stream. */
void meter_add_entry(struct meter *meter, const char *stream, int number, const char *type,
		     struct bytes data);

#endif
