/*
 * What Postgres and Redis say that something cost them.  Both serve this process alone, and nothing in them
 * runs by itself (see guard.py): all that was done between begin and end was done for us.
 */
#ifndef ALLOCD_TESTS_GUARD_METER_H
#define ALLOCD_TESTS_GUARD_METER_H

#include "core/base/bytes.h"

struct meter;

/* `database`: the one that is worked on; `control`: a connection string of another one on the same server. */
struct meter *meter_new(const char *control, const char *database, const char *redis_host, int redis_port);
void meter_free(struct meter **meter);

void meter_begin(struct meter *meter);

/*
 * Prints what was counted since, a line each: the case's name, what was counted, how much, with tabs between.
 *
 *     statement NAME, round_trips    as they were sent
 *     wal_records, wal_bytes         without full-page images, and without the server's own notes
 *     buffers                        pages that statements touched
 *     redis NAME                     commands that Redis ran, a script's own included
 *     redis_bytes_in, redis_bytes_out
 */
void meter_end(struct meter *meter, const char *name);

/* Adds an entry of that number, from 1, to the stream. */
void meter_add_entry(struct meter *meter, const char *stream, int number, const char *type,
		     struct bytes data);

#endif
