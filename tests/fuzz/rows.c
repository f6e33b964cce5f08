/*
 * Rows of the outbox: an input is the frame of one, and the events of others.
 *
 * Judges: a second reader of frames, which is written from the description of the format alone; and what is
 * written, in rows or with other payloads, is read again as it was.
 */
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/must.h"
#include "core/message.h"
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

#define EVENTS_MAX  4096
#define WRITTEN_MAX (16 * OUTBOX_ROW_BYTES) /* bytes of payloads that are longer in rows than in the input */
#define SUFFIX      "more"

static struct arena *arena;

/* ---- a second reader ---- */

struct seen {
	size_t start, size; /* of the payload */
	char name[256];     /* empty if it has a NUL, as that of no message has */
};

/* Returns the number of events, or -1 if the bytes are not a frame. */
static int read_frame(const uint8_t *data, size_t size, struct seen seen[EVENTS_MAX])
{
	size_t at = 0;
	int count = 0;

	while (at < size) {
		size_t name = data[at], length;

		if (size - at < 1 + name + 4 || count == EVENTS_MAX)
			return -1;
		memcpy(seen[count].name, data + at + 1, name);
		seen[count].name[memchr(data + at + 1, '\0', name) ? 0 : name] = '\0';
		at += 1 + name;
		length = data[at] * ((size_t)1 << 24) + data[at + 1] * ((size_t)1 << 16) +
			 data[at + 2] * (size_t)256 + data[at + 3];
		at += 4;
		if (size - at < length)
			return -1;
		seen[count].start = at;
		seen[count++].size = length;
		at += length;
	}
	return count;
}

static bool is_same(struct bytes a, struct bytes b)
{
	return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

/* ---- other payloads ---- */

/* Every second event gets a longer payload. */
static bool lengthen(void *context, struct outgoing *event, struct arena *memory)
{
	size_t *calls = context;
	char *longer;

	if ((*calls)++ % 2)
		return false;
	longer = arena_alloc(memory, event->payload.size + strlen(SUFFIX));
	memcpy(longer, event->payload.data, event->payload.size);
	memcpy(longer + event->payload.size, SUFFIX, strlen(SUFFIX));
	event->payload = (struct bytes){longer, event->payload.size + strlen(SUFFIX)};
	return true;
}

static void rewrite(struct bytes frame, const struct outgoing *events, size_t count)
{
	struct rewritten_frame rewritten;
	struct outgoing *again = NULL;
	size_t calls = 0, found = 0, end = 0;

	fuzz_expect(outbox_frame_rewrite(arena, frame, lengthen, &calls, &rewritten),
		    "a frame is not rewritten");
	fuzz_expect(rewritten.count == count && calls == count && rewritten.rewritten == (count + 1) / 2,
		    "%zu events are rewritten", rewritten.rewritten);
	if (!count)
		return;
	fuzz_expect(outbox_frame_decode(arena, rewritten.frame, &again, &found) && found == count,
		    "what was rewritten has %zu events", found);
	for (size_t i = 0; i < count; i++) {
		struct bytes payload = again[i].payload;

		fuzz_expect(rewritten.ends[i] > end && rewritten.ends[i] <= rewritten.frame.size,
			    "end of event %zu", i);
		end = rewritten.ends[i];
		fuzz_expect((const char *)payload.data + payload.size ==
				    (const char *)rewritten.frame.data + end,
			    "event %zu does not end where it is said", i);
		if (i % 2 == 0)
			payload.size -= strlen(SUFFIX);
		fuzz_expect(again[i].type == events[i].type && is_same(payload, events[i].payload),
			    "event %zu is another one", i);
	}
	fuzz_expect(end == rewritten.frame.size, "bytes behind the last event");
}

/* ---- rows that are written ---- */

static void check_row(const struct outbox_row *row, const struct outgoing *events, size_t left, size_t *used)
{
	struct outgoing *again = NULL;
	size_t count = 0;

	fuzz_expect(outbox_frame_decode(arena, row->frame, &again, &count) && count && count <= left,
		    "a row has %zu events", count);
	fuzz_expect(row->frame.size <= OUTBOX_ROW_BYTES || count == 1, "a row of %zu bytes", row->frame.size);
	for (size_t i = 0; i < count; i++)
		fuzz_expect(again[i].type == events[i].type && is_same(again[i].payload, events[i].payload),
			    "event %zu of a row is another one", i);
	*used += count;
}

/* The parts of the rows are the events of a product, without a gap; `end` counts all bytes before it. */
static void check_parts(const struct outbox_row *row, int64_t *version)
{
	for (size_t i = 0; i < row->part_count; i++) {
		const struct outbox_part *part = &row->parts[i];

		fuzz_expect(part->first_version == *version && part->last_version >= *version,
			    "a part begins with version %" PRId64, part->first_version);
		fuzz_expect(part->end <= row->frame.size && part->end > (i ? part[-1].end : 0),
			    "the end of a part");
		*version = part->last_version + 1;
	}
	fuzz_expect(!row->part_count || row->parts[row->part_count - 1].end == row->frame.size,
		    "bytes behind the last part");
}

/* The first half are those of a product from version 7 on, the others no product's. */
static void write_rows(const struct outgoing *events, size_t count)
{
	struct outbox_rows rows = {.arena = arena};
	size_t used = 0, half = count / 2;
	int64_t version = 7;

	outbox_rows_add(&rows, 3, NULL, version, events, half);
	outbox_rows_add_apart(&rows, 3, events + half, count - half);
	outbox_rows_encode(&rows);
	for (size_t i = 0; i < rows.count; i++) {
		fuzz_expect(rows.rows[i].partition == 3, "another partition");
		check_row(&rows.rows[i], events + used, count - used, &used);
		check_parts(&rows.rows[i], &version);
	}
	fuzz_expect(used == count, "%zu of %zu events are written", used, count);
	fuzz_expect(version == 7 + (int64_t)half, "the last version is %" PRId64, version - 1);
}

/* A payload of two bytes is the size of a longer one, so that a short input fills several rows. */
static struct bytes payload_of(struct bytes payload, size_t *left)
{
	static char zeros[UINT16_MAX];
	const uint8_t *bytes = payload.data;
	size_t size = payload.size == 2 ? (size_t)(bytes[0] << 8 | bytes[1]) : 0;

	if (payload.size != 2 || size > *left)
		return payload;
	*left -= size;
	return (struct bytes){zeros, size};
}

/* Only events that this program knows are written. */
static void write_known(const struct outgoing *events, size_t count)
{
	static struct outgoing known[EVENTS_MAX];
	size_t written = 0, left = WRITTEN_MAX;

	for (size_t i = 0; i < count; i++) {
		if (events[i].type == MSG_NONE)
			continue;
		known[written] = events[i];
		known[written++].payload = payload_of(events[i].payload, &left);
	}
	if (written)
		write_rows(known, written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen seen[EVENTS_MAX];
	struct bytes frame = {data, size};
	struct outgoing *events = NULL;
	size_t count = 0;
	int expected = read_frame(data, size, seen);
	bool is_frame;

	arena = arena ? arena : arena_new((size_t)64 * 1024);
	arena_clear(arena);
	is_frame = outbox_frame_decode(arena, frame, &events, &count);
	fuzz_expect(is_frame == (expected >= 0), "%d events are seen, and %zu read", expected, count);
	if (!is_frame)
		return 0;
	fuzz_expect(count == (size_t)expected, "%d events are seen, and %zu read", expected, count);
	for (size_t i = 0; i < count; i++)
		fuzz_expect(events[i].type == message_type_named(seen[i].name) &&
				    is_same(events[i].payload,
					    (struct bytes){data + seen[i].start, seen[i].size}),
			    "event %zu is another one", i);
	rewrite(frame, events, count);
	write_known(events, count);
	return 0;
}
