/*
 * Reads commands from one stream into the engine, and acknowledges them when their effects are committed.
 *
 *     look, open -> (create the group) -> claim -> own pending entries -> new entries -> ...
 *          ^                                        ^ something was claimed |
 *          +-- connection or group lost ------------+---- every CLAIM_EVERY_MS
 *
 * Entries are submitted in the order of the stream: pending ones (this reader's own from before, and those
 * of readers that died) before new ones.  An entry that is still in flight here is never submitted a second
 * time.  Entries of SKUs that are held up may stay pending, and are read again later: see postponed.h.  An
 * entry is acknowledged after the commit, never before; an acknowledgement that may not have arrived is
 * sent again.  Every second a checkpoint records up to where all entries are done; entries below that and
 * older than the retention are trimmed.
 *
 * An entry that belongs in another stream is added there, and then acknowledged here.
 *
 * At an entry of a type that this program does not know, but another worker that is alive does, a reader
 * stops, and waits until that one has the lease.  Without such a worker the entry is invalid; that is judged
 * by a roll of the workers that was read after the entry, so a worker that has just started counts, too.
 *
 * The caller decides which worker reads which stream.  A reader that has a lease claims at once all that is
 * pending for others; each unit of work checks that the lease is not lost.  It reads only over the
 * connections that it had when it began, which the lease names: the next holder ends them before it
 * takes the lease, unless the lease says that the reader has ended.
 */
#ifndef ALLOCD_BUS_INTAKE_STREAM_READER_H
#define ALLOCD_BUS_INTAKE_STREAM_READER_H

#include "bus/engine/engine.h"
#include "bus/leases/lease_keeper.h"
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
	struct lease_keeper *keeper; /* knows what other workers know; or NULL */
};

struct stream_reader_config {
	const char *name;     /* of the stream, as dead letters and logs name it; copied */
	int64_t retention_ms; /* how long entries are kept; those that are not done are always kept */
	const struct stream_route *route; /* outlives the reader; NULL: there is one stream only */
};

/* Counters only go up. */
struct stream_reader_stats {
	uint64_t read;    /* entries submitted */
	uint64_t claimed; /* claimed from readers that died, or own ones that were in flight for as long */
	uint64_t lost; /* known to have been in the stream, and trimmed or deleted before they were handled */
	uint64_t acknowledged;
	uint64_t forwarded; /* to other streams */
	size_t in_flight;   /* now: submitted, and not known to be acknowledged */
	uint64_t pending;   /* entries that the group's readers held when the state was last read */
	bool is_reading;    /* the stream is reachable, and the group exists */
	bool is_draining;   /* it waits for the outcome of entries that it read under an earlier lease */

	/* As of when the state was last read: at most about a second ago while there is work. */
	uint64_t length;           /* entries that exist */
	int64_t lag;               /* entries that the group has not delivered; negative: unknown */
	uint64_t first_pending_ms; /* when the oldest pending entry was added, in its id; 0 without one */
	uint64_t first_unread_ms;  /* the same of the oldest that was not delivered; UINT64_MAX: unknown */
};

struct stream_reader;

struct stream_reader *stream_reader_new(const struct stream_reader_ports *ports,
					const struct stream_reader_config *config);

/* The ports and the engine must not call back any more.  Accepts NULL in *reader and nulls it. */
void stream_reader_free(struct stream_reader **reader);

void stream_reader_start(struct stream_reader *reader);

/* The same under a lease, perhaps again: waits for the outcome of all entries that were submitted before. */
void stream_reader_lead(struct stream_reader *reader, struct lease *lease);

/* Between pause and resume only the entries of a read under way are submitted. */
void stream_reader_pause(struct stream_reader *reader);
void stream_reader_resume(struct stream_reader *reader);

/*
 * Begins no further read.  Entries of a read under way are submitted if they arrive within moments;
 * submitted entries are still acknowledged.
 */
void stream_reader_stop(struct stream_reader *reader);

/* Whether it stands at an entry that another worker knows how to handle, and is to hand the lease over. */
bool stream_reader_waits_for_newer(const struct stream_reader *reader);

/*
 * After a stop: whether no call is under way, over connections that are those of the lease.  Until the reader
 * begins again it then receives nothing, so the next holder need not end them.
 */
bool stream_reader_has_ended(const struct stream_reader *reader);

/* Whether every submitted entry is acknowledged, and a stopped reader will submit no more. */
bool stream_reader_is_idle(const struct stream_reader *reader);

enum stream_trouble {
	STREAM_IS_FINE,
	STREAM_UNREAD,
	STREAM_REFUSES_ACKS,
	STREAM_CANNOT_FORWARD,  /* entries that belong in another stream */
	STREAM_WAITS_FOR_NEWER, /* another worker is to read it, and does not */
	STREAM_TROUBLES,
};

/*
 * What keeps the stream from being read or its entries from being acknowledged.  The text follows the
 * stream's name ("is not read: ...") and lies in `arena`.
 */
enum stream_trouble stream_reader_trouble(const struct stream_reader *reader, struct arena *arena,
					  struct engine_trouble *trouble);

/* How long an entry that is not read yet has been known to wait, to a second; 0: it reads all there is. */
int64_t stream_reader_behind_ms(const struct stream_reader *reader);

const struct stream_reader_stats *stream_reader_stats(const struct stream_reader *reader);

#endif
