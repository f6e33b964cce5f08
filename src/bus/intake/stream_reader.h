/*
 * Reads commands from one stream into the engine, and acknowledges them when what they did is committed.
 *
 *     look, open -> (create the group) -> claim -> own pending entries -> new entries -> ...
 *          ^                                        ^ something was claimed |
 *          +-- connection or group lost ------------+---- every CLAIM_EVERY_MS
 *
 * In the order of the stream: what is pending (this reader's from before, and what readers that are gone
 * left) comes before anything new.  An entry that is still in flight here is never submitted a second time.
 * Entries of SKUs that are held up may stay pending, and are read again later: see postponed.h.
 * Acknowledged is after the commit, never before; an acknowledgement that may not have arrived is sent again.
 * Every second it notes how far all is done; below that, and older than the retention, the stream is trimmed.
 * Who reads which stream when there are several workers is decided elsewhere: start and stop.
 */
#ifndef ALLOCD_BUS_INTAKE_STREAM_READER_H
#define ALLOCD_BUS_INTAKE_STREAM_READER_H

#include "bus/engine/engine.h"
#include "bus/ports/checkpoints.h"
#include "bus/ports/stream.h"
#include "core/base/arena.h"

/* All of them outlive the reader. */
struct stream_reader_ports {
	struct stream *stream;
	struct checkpoints *checkpoints;
	struct clock *clock;
	struct random *random;
	struct logger *logger;
	struct engine *engine;
};

struct stream_reader_config {
	const char *name;     /* of the stream, as messages are told to come from; copied */
	int64_t retention_ms; /* entries are kept so long; those that are not done with, always */
};

/* Counters only go up. */
struct stream_reader_stats {
	uint64_t read;    /* entries submitted */
	uint64_t claimed; /* of readers that were gone, and own ones that were as long in flight */
	uint64_t lost; /* known to have been in the stream, and trimmed or deleted before they were handled */
	uint64_t acknowledged;
	size_t in_flight; /* now: submitted, and not known to be acknowledged */
	uint64_t pending; /* at the last look: entries that the group's readers hold */
	bool is_reading;  /* its stream is reached, and its group is there */
};

struct stream_reader;

struct stream_reader *stream_reader_new(const struct stream_reader_ports *ports,
					const struct stream_reader_config *config);

/* No port may call back any more, nor the engine.  Accepts NULL in *reader and nulls it. */
void stream_reader_free(struct stream_reader **reader);

void stream_reader_start(struct stream_reader *reader);

/* Nothing is submitted between pause and resume, but what a read under way brings. */
void stream_reader_pause(struct stream_reader *reader);
void stream_reader_resume(struct stream_reader *reader);

/*
 * Begins no read any more.  What one brings that is under way is submitted, if it comes within moments; what
 * was submitted is acknowledged.
 */
void stream_reader_stop(struct stream_reader *reader);

/* Whether everything it submitted is acknowledged, and, once it is stopped, nothing more will be. */
bool stream_reader_is_idle(const struct stream_reader *reader);

/*
 * Whether something keeps the stream from being read or its entries from being acknowledged.  The text
 * follows the stream's name ("is not read: ...") and lies in `arena`.
 */
bool stream_reader_trouble(const struct stream_reader *reader, struct arena *arena,
			   struct engine_trouble *trouble);

const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader);

#endif
