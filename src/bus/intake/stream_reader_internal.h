/*
 * What the files of the stream's reader share: its steps (stream_reader.c), reading (stream_reading.c), its
 * troubles (stream_troubles.c), its end (stream_stopping.c), acknowledging (stream_acks.c), forwarding
 * (stream_forwarding.c), writing checkpoints and trimming (stream_marks.c).
 */
#ifndef ALLOCD_BUS_INTAKE_STREAM_READER_INTERNAL_H
#define ALLOCD_BUS_INTAKE_STREAM_READER_INTERNAL_H

#include "bus/base/backoff.h"
#include "bus/intake/pending_entries.h"
#include "bus/intake/stream_account.h"
#include "bus/intake/stream_reader.h"
#include "bus/leases/lease.h"

#define NOTE_EVERY_MS 1000

/* The longest time until a stream that works again is read, and its entries are acknowledged. */
#define RETRY_MAX_MS 1000

#define READER_ERROR_MAX 256

/* Bytes that one read may bring, if the next entries are as large as the last ones. */
#define READ_BYTES ((size_t)1 << 20)

/* Entries larger than this are treated alike: they are read one at a time. */
#define LARGEST_KNOWN ((size_t)4 << 20)

/* Calls that a stream may refuse although it can be read. */
enum reader_call {
	CALL_ACKNOWLEDGE,
	CALL_CLAIM,
	CALL_LOOK,
	CALL_TRIM,
	CALL_MARK,
	CALL_MOVE,
	CALL_REPLACE,
	CALL_FORWARD,
	READER_CALLS
};

/* An entry that is to be added to another stream. */
struct forwarding {
	struct forwarding *next;
	struct pending_entry *entry;
	struct forwarded_entry to_add;
	struct arena *arena; /* owns it */
};

enum reader_state {
	READER_RESTING,         /* to be started or resumed, or for an acknowledgement */
	READER_LOOKING,         /* for the stream: its state */
	READER_OPENING,         /* for the checkpoints: which incarnation it is */
	READER_PLACING,         /* for the stream: the group, created or moved back */
	READER_MARKING,         /* for the stream: the mark of this incarnation */
	READER_CLAIMING,        /* for the stream: claimed entries of readers that died */
	READER_READING_PENDING, /* for the stream: entries that were read before and are not acknowledged */
	READER_READING_NEW,     /* for the stream: entries that no consumer received yet */
	READER_WAITING,         /* until the next try */
};

struct stream_reader {
	struct stream_reader_ports ports;
	struct stream_reader_config config;
	struct stream_reader_stats stats; /* is_reading: the group is there, and `record` is the stream's */
	char *name;
	struct stream_source source;

	enum reader_state state;
	bool is_started, is_paused;
	int64_t stop_ms;     /* when it was stopped */
	bool has_stopped;    /* it was stopped, and does not wait for a read under way any more */
	bool is_unblocking;  /* a call that unblocks the read is under way */
	struct lease *lease; /* or NULL */
	char *connections;   /* that the lease names; NULL without a lease */
	size_t unanswered;   /* entries without an outcome */
	struct timer *retry_timer, *claim_timer, *acknowledge_timer, *note_timer;
	struct backoff backoff;
	bool is_logged;                  /* it was logged that the stream is not read */
	char not_read[READER_ERROR_MAX]; /* why new entries could not be read last; empty: they could */
	int64_t not_read_since_ms;       /* while it is not */
	bool was_read;                   /* since this reader leads */
	char refused[READER_CALLS]
		    [READER_ERROR_MAX];         /* why the stream refuses such calls; empty: it does not */
	int64_t refused_since_ms[READER_CALLS]; /* while it does */
	struct stream_state found;              /* the state when the stream was opened */
	struct stream_record opening;           /* being read from the checkpoints */
	struct stream_id moving_to;             /* the group's place, while it is moved */
	struct stream_record record;
	bool claim_is_due, is_first_claim;
	bool has_pending;            /* this reader may have pending entries, */
	struct stream_id read_up_to; /* a pass over them continues above this id, */
	bool pass_begins;            /* or has yet to begin */
	uint64_t pass;               /* its number */
	bool interleaves;            /* with reads of new entries, */
	bool new_is_next;            /* which alternate */
	bool is_asking; /* waits for this roll of the workers, to judge unknown entries up to this id */
	uint64_t asked_roll;
	struct stream_id asked_up_to;
	char *unknown; /* the type of the entry that waits for another worker, since this time; or NULL */
	int64_t unknown_since_ms;
	uint64_t submitted;           /* what the engine had received after this reader's last entry */
	size_t read_max;              /* new entries to ask for, if none is large */
	size_t largest;               /* bytes of the largest entry lately; it shrinks with every read */
	struct stream_id last_looked; /* the stream's last generated id when the state was last read */
	struct stream_id delivered;   /* this reader received every entry of this incarnation up to here */
	struct stream_id suspected; /* the group's place when it was last found above `delivered`; 0-0: not */
	int64_t suspected_ms;
	bool is_marked; /* the stream bears the mark of this incarnation */
	struct stream_account account;

	struct pending_entries in_flight;
	struct pending_entry
		*acknowledging; /* entries of the acknowledgement under way; NULL: there is no such call */
	struct backoff acknowledge_backoff;

	struct forwarding *forwarding, **forwarding_end; /* in the order of their outcome */
	size_t forwarding_count, forwarding_bytes;
	bool is_forwarding; /* the first of them is being added */
	struct timer *forward_timer;
	struct backoff forward_backoff;

	struct stream_id
		unread; /* the last entry when the state showed unread ones first; 0-0: it does not */
	int64_t unread_since_ms; /* when that was; both are set anew when that entry was delivered */
	bool is_noting, is_note_refused;
	bool shows_large_entries;    /* reading the state returns them, and so costs more than the reads */
	bool has_news;               /* an entry was acknowledged since the last checkpoint */
	struct stream_id trim_below; /* as far as the last state shows */
	int64_t trim_again_ms;       /* trim not before this time */
};

static inline int64_t reader_now_ms(const struct stream_reader *reader)
{
	return reader->ports.clock->ops->now_ms(reader->ports.clock);
}

static inline void reader_set_timer(struct stream_reader *reader, struct timer *timer, int64_t delay_ms)
{
	reader->ports.clock->ops->timer_set(timer, delay_ms);
}

/* ---- stream_reader.c ---- */

/* Begins the next step, unless one is under way. */
void reader_advance(struct stream_reader *reader);

/* The group or the stream is lost: the result of a step under way is ignored. */
void reader_lose(struct stream_reader *reader);

/* The connection or the group was lost, or the step was refused: begins again after a while. */
void reader_fail(struct stream_reader *reader, const struct failure *failure);

/* Reads nothing more while another worker is alive that knows the type of this entry. */
void reader_wait_for_newer(struct stream_reader *reader, const struct stream_entry *entry);

/* The stream is read: logs that, if it was logged that it was not. */
void reader_log_read(struct stream_reader *reader);

/* Counts entries that are lost and logs it; `how` begins with "entries lost: ". */
void reader_count_lost(struct stream_reader *reader, const char *how, int64_t count);

/* The same for entries that were trimmed while they were pending, if there are any. */
void reader_count_lost_pending(struct stream_reader *reader, size_t count);

/*
 * Notes the result of such a call (NULL: it was accepted).  Logs once when refusals begin and once when they
 * end; a failure that is no refusal changes nothing.
 */
void reader_note_refusal(struct stream_reader *reader, enum reader_call call, const struct failure *failure);

/* ---- stream_reading.c ---- */

/* Every entry that is pending for this reader is to be read before new ones. */
void reader_begin_pass(struct stream_reader *reader);

/* The entry is not submitted any more, and is to be read again, unless the stream was lost. */
void reader_leave_pending(struct stream_reader *reader, struct pending_entry *entry);

/* The entry has its outcome, and is forwarded if it is to be. */
void reader_count_answered(struct stream_reader *reader);

/* Begins the next read, or schedules it for when it may begin. */
void reader_read(struct stream_reader *reader);

/* Entries of that many bytes are in the stream. */
void reader_saw_size(struct stream_reader *reader, size_t size);

/* ---- stream_stopping.c ---- */

/* Called by the timer of a stopped reader: unblocks the read under way, or does not wait for it any more. */
void reader_await_read(struct stream_reader *reader);

/* ---- stream_acks.c ---- */

/* The entries are done: acknowledges those of this incarnation soon, and forgets the others. */
void acks_add(struct stream_reader *reader, struct pending_entry *list);

/* Acknowledges handled entries, unless such a call is under way or a read may return some of them. */
void acks_send(void *context);

/* Whether too many entries wait for their acknowledgement to read more. */
bool acks_are_full(const struct stream_reader *reader);

/* ---- stream_forwarding.c ---- */

/* Adds the message to the next stream of the range, after those before it; then acknowledges the entry. */
void forwarding_add(struct stream_reader *reader, struct pending_entry *entry,
		    const struct delivery *delivery);

/* Adds the first one, unless one is being added. */
void forwarding_send(void *context);

void forwarding_release(struct stream_reader *reader);

/* Whether too many entries wait to be added elsewhere to read more. */
bool forwarding_is_full(const struct stream_reader *reader);

/* ---- stream_marks.c ---- */

/* Called by the timer: reads the state of the stream and writes a checkpoint, when there is news. */
void marks_note(void *context);

#endif
