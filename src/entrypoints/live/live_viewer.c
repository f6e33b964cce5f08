/* Chooses what one viewer gets of the events: the newest that pass the filter, and notes of the others. */
#include "entrypoints/live/live_viewer.h"

/* A note is sent before an event, and a note or an id alone this long after the last one. */
#define NOTE_MS 1000

struct live_viewer *live_viewer_new(struct live_line *line, const struct live_request *request,
				    int64_t now_ms)
{
	struct arena *arena = arena_new(512);
	struct live_viewer *viewer = arena_alloc(arena, sizeof *viewer);
	const struct live_filter *filter = &request->filter;

	*viewer = (struct live_viewer){
		.line = line,
		.arena = arena,
		.topics = request->topics,
		.filter = live_filter_copy(filter, arena),
		.id_sent = LIVE_NO_ID,
		.is_new = true,
		.tokens = LIVE_SEND_PER_S * 1000,
		.noted_ms = now_ms,
		.commented_ms = now_ms,
	};
	return viewer;
}

void live_viewer_free(struct live_viewer **place)
{
	struct arena *arena = (*place)->arena;

	arena_free(&arena);
	*place = NULL;
}

static void add_unread(struct live_viewer *viewer, int64_t unread)
{
	if (unread == LIVE_UNKNOWN || viewer->unread == LIVE_UNKNOWN)
		viewer->unread = LIVE_UNKNOWN;
	else
		viewer->unread += unread;
}

static int64_t count_passing(const struct live_viewer *viewer, struct live_ring *ring, struct codec *codec)
{
	int64_t count = 0;

	for (uint64_t number = viewer->next; number < ring->end; number++)
		count += live_filter_passes(&viewer->filter, live_ring_at(ring, number), codec);
	return count;
}

static void write_note(struct live_viewer *viewer, struct live_id id, int64_t now_ms, FILE *out)
{
	if (!viewer->skipped && !viewer->unread)
		return;
	live_write_skipped(out, id, viewer->skipped, viewer->unread);
	viewer->skipped = viewer->unread = 0;
	viewer->noted_ms = now_ms;
	viewer->id_sent = id.number;
}

/* Without the id a viewer of rare events would return with one that has left the ring, or with none. */
static void write_progress(struct live_viewer *viewer, struct live_id id, int64_t now_ms, FILE *out)
{
	if (now_ms - viewer->noted_ms < NOTE_MS)
		return;
	write_note(viewer, id, now_ms, out);
	if (viewer->id_sent == id.number)
		return;
	live_write_id(out, id);
	viewer->noted_ms = now_ms;
	viewer->id_sent = id.number;
}

void live_viewer_write_events(struct live_viewer *viewer, struct live_ring *ring, int64_t start,
			      const struct live_config *config, int64_t now_ms, FILE *out)
{
	int64_t to_skip;

	if (viewer->next < ring->first)
		viewer->next = ring->first;
	to_skip = count_passing(viewer, ring, config->codec) - viewer->tokens / 1000;
	for (; viewer->next < ring->end; viewer->next++) {
		struct live_event *event = live_ring_at(ring, viewer->next);

		add_unread(viewer, event->unread);
		if (!live_filter_passes(&viewer->filter, event, config->codec))
			continue;
		if (to_skip-- > 0) {
			viewer->skipped++;
			continue;
		}
		if (viewer->is_new)
			viewer->skipped = viewer->unread = 0;
		viewer->is_new = false;
		write_note(viewer, (struct live_id){start, viewer->next - 1}, now_ms, out);
		live_write_event(out, (struct live_id){start, viewer->next}, event, config->to_json);
		viewer->id_sent = viewer->next;
		viewer->tokens -= 1000;
	}
	if (viewer->is_new)
		viewer->skipped = viewer->unread = 0;
	viewer->is_new = false;
	write_progress(viewer, (struct live_id){start, viewer->next - 1}, now_ms, out);
}
