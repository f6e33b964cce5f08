/*
 * What the program makes of frames of the outbox, for judge_rows.py, which compares it with Python's reading.
 *
 * On both sides a piece is its size, four bytes in the order of the machine, and its bytes.  Each piece that
 * is read is a frame.  The answer is a piece of text, "events: NAME@START+SIZE …" with ? for a name that is
 * not known, or "no frame"; a piece for each row that the known events are written in; and an empty piece.
 */
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/must.h"
#include "core/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct arena *arena;

static void put_piece(struct bytes piece)
{
	uint32_t size = (uint32_t)piece.size;

	fwrite(&size, sizeof size, 1, stdout);
	if (size)
		fwrite(piece.data, size, 1, stdout);
}

static void put_text(const char *text)
{
	put_piece((struct bytes){text, strlen(text)});
}

static void put_rows(const struct outgoing *events, size_t count)
{
	struct outgoing *known = arena_alloc(arena, count * sizeof *known);
	struct outbox_rows rows = {.arena = arena};
	size_t written = 0;

	for (size_t i = 0; i < count; i++)
		if (events[i].type != MSG_NONE)
			known[written++] = events[i];
	outbox_rows_add_apart(&rows, 0, known, written);
	outbox_rows_encode(&rows);
	for (size_t i = 0; i < rows.count; i++)
		put_piece(rows.rows[i].frame);
}

static void answer(struct bytes frame)
{
	struct outgoing *events = NULL;
	const char *text = "events: ";
	size_t count = 0;

	if (!outbox_frame_decode(arena, frame, &events, &count)) {
		put_text("no frame");
		return;
	}
	for (size_t i = 0; i < count; i++)
		text = arena_printf(arena, "%s%s@%td+%zu ", text,
				    events[i].type == MSG_NONE ? "?" : message_name(events[i].type),
				    (const char *)events[i].payload.data - (const char *)frame.data,
				    events[i].payload.size);
	put_text(text);
	put_rows(events, count);
}

int main(void)
{
	uint32_t size;

	arena = arena_new((size_t)64 * 1024);
	while (fread(&size, sizeof size, 1, stdin) == 1) {
		char *bytes = must_malloc(size);

		if (size && fread(bytes, size, 1, stdin) != 1)
			return 1;
		arena_clear(arena);
		answer((struct bytes){bytes, size});
		put_piece((struct bytes){0});
		free(bytes);
	}
	arena_free(&arena);
	return 0;
}
