/*
 * A stream that is read under a lease: the keeper of the leases tells its reader when to begin and to stop.
 */
#ifndef ALLOCD_BUS_INTAKE_LEASED_STREAM_H
#define ALLOCD_BUS_INTAKE_LEASED_STREAM_H

#include "bus/intake/stream_reader.h"
#include "bus/leases/lease_keeper.h"

/* All of them outlive the keeper.  The reader is that of the stream, and has not been started. */
struct leased_stream {
	const char *name; /* of the stream, and of its lease */
	struct stream *stream;
	struct stream_reader *reader;
	struct engine *engine;
};

void leased_stream_add(struct lease_keeper *keeper, struct leased_stream *it);

#endif
