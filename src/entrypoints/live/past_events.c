/* Searches the stream of events backwards. */
#include "entrypoints/live/past_events.h"

#include "core/base/memory_stream.h"
#include "core/base/must.h"

#include <stdlib.h>
#include <sys/queue.h>

struct search {
	TAILQ_ENTRY(search) entry;
	struct arena *arena; /* the search itself and its filter */
	struct live_filter filter;
	size_t limit;
	past_done *done;
	void *context;

	struct past_page page;
	size_t found, asked;
	char *json;
	size_t size;
	FILE *out;
};

TAILQ_HEAD(searches, search);

struct past_events {
	struct clock *clock;
	struct timer *timer; /* fires after PAST_READ_MS or PAST_IDLE_MS */
	struct event_peek *events;
	struct codec *codec;
	live_to_json *to_json;
	struct searches searches; /* the first one is under way */
	size_t waiting;           /* how many they are */
};

static void free_search(struct search *search)
{
	struct arena *arena = search->arena;

	free(search->json);
	arena_free(&arena);
}

static void end(struct past_events *past, struct search *search, const char *error)
{
	fputc(']', search->out);
	fclose(search->out);
	search->page.json = search->json;
	search->done(search->context, error ? NULL : &search->page, error);
	TAILQ_REMOVE(&past->searches, search, entry);
	past->waiting--;
	free_search(search);
}

static void look_at(struct past_events *past, struct search *search, const struct peeked_event *peeked)
{
	struct live_event event = {.id = peeked->id, .type = peeked->type, .payload = peeked->payload};

	search->page.searched++;
	search->page.last = event.id;
	if (live_filter_passes(&search->filter, &event, past->codec)) {
		if (search->found++)
			fputc(',', search->out);
		live_write_event_json(search->out, &event, past->to_json);
	}
	live_event_free_fields(&event);
}

static void read_on(struct past_events *past);

static void on_found(void *context, const struct peeked_events *found, const char *error)
{
	struct past_events *past = context;
	struct search *search = TAILQ_FIRST(&past->searches);
	size_t i = 0;

	for (; i < found->count && search->found < search->limit; i++)
		look_at(past, search, &found->events[i]);
	search->page.has_more = i < found->count || found->count == search->asked;
	if (error || !search->page.has_more || search->found == search->limit ||
	    search->page.searched >= PAST_SEARCHED_MAX)
		end(past, search, error);
	read_on(past);
}

static void read_on(struct past_events *past)
{
	struct search *search = TAILQ_FIRST(&past->searches);

	past->clock->ops->timer_set(past->timer, search ? PAST_READ_MS : PAST_IDLE_MS);
	if (!search)
		return;
	search->asked = PAST_SEARCHED_MAX - search->page.searched;
	if (search->asked > EVENT_PEEK_MAX)
		search->asked = EVENT_PEEK_MAX;
	past->events->ops->read(past->events, (struct stream_id){0}, stream_id_before(search->page.last),
				search->asked, on_found, past);
}

bool past_events_search(struct past_events *past, const struct past_search *asked, past_done *done,
			void *context)
{
	struct arena *arena;
	struct search *search;

	if (past->waiting == PAST_WAITING_MAX)
		return false;
	arena = arena_new(512);
	search = arena_alloc(arena, sizeof *search);
	*search = (struct search){
		.arena = arena,
		.filter = live_filter_copy(&asked->filter, arena),
		.limit = asked->limit,
		.done = done,
		.context = context,
		.page.last = asked->before,
	};
	search->out = memory_stream_open(&search->json, &search->size);
	fputc('[', search->out);
	TAILQ_INSERT_TAIL(&past->searches, search, entry);
	if (!past->waiting++)
		read_on(past);
	return true;
}

static void on_timer(void *context)
{
	struct past_events *past = context;
	struct search *search = TAILQ_FIRST(&past->searches);

	past->events->ops->close(past->events);
	if (!search)
		return;
	end(past, search, "Redis does not answer");
	read_on(past);
}

struct past_events *past_events_new(struct clock *clock, struct event_peek *events, struct codec *codec,
				    live_to_json *to_json)
{
	struct past_events *past = must_alloc(sizeof *past);

	*past = (struct past_events){.clock = clock, .events = events, .codec = codec, .to_json = to_json};
	TAILQ_INIT(&past->searches);
	past->timer = clock->ops->timer_new(clock, on_timer, past);
	return past;
}

void past_events_free(struct past_events **place)
{
	struct past_events *past = *place;
	struct search *search, *next;

	if (!past)
		return;
	past->clock->ops->timer_free(&past->timer);
	past->events->ops->close(past->events);
	for (search = TAILQ_FIRST(&past->searches); search; search = next) {
		next = TAILQ_NEXT(search, entry);
		fclose(search->out);
		free_search(search);
	}
	free(past);
	*place = NULL;
}
