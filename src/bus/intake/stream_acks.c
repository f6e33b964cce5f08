/* Acknowledges entries once their effects are committed, with one call for each turn of the event loop. */
#include "bus/intake/stream_reader_internal.h"

/* Entries that one call acknowledges, at most. */
#define ACKNOWLEDGE_MAX 1000

/* Acknowledgements that may fail in a row before the failure is logged and reported. */
#define FAILURES_BEFORE_REFUSAL 3

/*
 * No entry is read while more entries than this are handled and not acknowledged.  While acknowledgements
 * fail, entries that are not handled yet count, too.
 */
#define UNACKNOWLEDGED_MAX 10000

bool acks_are_full(const struct stream_reader *reader)
{
	size_t count = reader->acknowledge_backoff.failures ? reader->in_flight.count
							    : reader->in_flight.handled_count;

	return count >= UNACKNOWLEDGED_MAX;
}

static void forget(struct stream_reader *reader, struct pending_entry *entry)
{
	pending_entries_forget(&reader->in_flight, entry);
	reader->stats.in_flight = reader->in_flight.count;
}

/* Entries of an earlier incarnation are not acknowledged: entries of this one may have the same ids. */
static void add_one(struct stream_reader *reader, struct pending_entry *entry)
{
	entry->is_acknowledging = entry->came_again = false;
	if (entry->incarnation == reader->record.incarnation)
		pending_entries_push_handled(&reader->in_flight, entry);
	else
		forget(reader, entry);
}

void acks_add(struct stream_reader *reader, struct pending_entry *list)
{
	bool is_first = !reader->in_flight.handled;

	for (struct pending_entry *entry = list, *next; entry; entry = next) {
		next = entry->next_to_acknowledge;
		add_one(reader, entry);
	}
	/* One call acknowledges all entries of this turn of the event loop. */
	if (is_first && reader->in_flight.handled && !reader->acknowledge_backoff.failures)
		reader_set_timer(reader, reader->acknowledge_timer, 0);
}

/* A stream that is read while acknowledgements keep failing refuses them, with any error. */
static void note_refusal(struct stream_reader *reader, const struct failure *failure)
{
	bool is_run = failure && failure->kind == FAILURE_RETRY && reader->stats.is_reading &&
		      reader->acknowledge_backoff.failures >= FAILURES_BEFORE_REFUSAL;

	reader_note_refusal(reader, CALL_ACKNOWLEDGE,
			    is_run ? &(struct failure){FAILURE_FATAL, failure->text} : failure);
}

static void on_acknowledged(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;
	struct pending_entry *list = reader->acknowledging;

	reader->acknowledging = NULL;
	note_refusal(reader, failure);
	reader->has_news = true; /* the count of pending entries changes, or should have changed */
	if (failure && failure->kind != FAILURE_CONFLICT) {
		int64_t delay_ms = backoff_next(&reader->acknowledge_backoff, reader->ports.random);

		acks_add(reader, list);
		reader_set_timer(reader, reader->acknowledge_timer, delay_ms);
		reader_advance(reader);
		return;
	}
	if (failure) /* without the group the entries are pending for no consumer */
		reader_lose(reader);
	reader->acknowledge_backoff.failures = 0;
	for (struct pending_entry *entry = list, *next; entry; entry = next) {
		next = entry->next_to_acknowledge;
		if (entry->came_again) {
			add_one(reader, entry);
			continue;
		}
		reader->stats.acknowledged += !failure;
		forget(reader, entry);
	}
	reader_advance(reader);
	acks_send(reader);
}

void acks_send(void *context)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;
	struct stream_id ids[ACKNOWLEDGE_MAX];
	size_t count = 0;

	if (reader->acknowledging || reader->state == READER_READING_PENDING)
		return;
	if (!reader->in_flight.handled) { /* what could not be acknowledged is of an earlier incarnation */
		reader->acknowledge_backoff.failures = 0;
		return;
	}
	reader->acknowledging = pending_entries_take_handled(&reader->in_flight, ACKNOWLEDGE_MAX);
	for (struct pending_entry *it = reader->acknowledging; it; it = it->next_to_acknowledge) {
		it->is_acknowledging = true;
		ids[count++] = it->id;
	}
	stream->ops->acknowledge(stream, ids, count, on_acknowledged, reader);
}
