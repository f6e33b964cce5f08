/* Publishes a token on a timer, and notes when it was received last. */
#include "adapters/redis/subscriber/heartbeat.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TICKS_A_BEAT 2

#define TOKEN_SIZE 32

struct heartbeat {
	struct redis_publisher *publisher;
	struct redis_subscriber *subscriber;
	struct event *timer;
	int silence_max_ms, tick_ms;
	char token[TOKEN_SIZE];       /* in hexadecimal, readable in redis-cli */
	char marker[TOKEN_SIZE + 24]; /* the token, and the number of the beat */
	uint64_t beats;

	unsigned ticks;
	int64_t ticked_ms;
	uint64_t pauses;         /* of the subscriber, at the last tick */
	int64_t silent_since_ms; /* since when the token was due */
	bool was_received;       /* since both came up */
	int64_t received_at;     /* when last: microseconds since 1970; 0: never */
};

static bool both_are_up(const struct heartbeat *heartbeat)
{
	return redis_publisher_is_up(heartbeat->publisher) && redis_subscriber_is_up(heartbeat->subscriber);
}

static void beat(struct heartbeat *heartbeat)
{
	int size = snprintf(heartbeat->marker, sizeof heartbeat->marker, "%.*s-%" PRIx64, TOKEN_SIZE,
			    heartbeat->token, ++heartbeat->beats);

	redis_publisher_signal(heartbeat->publisher, HEARTBEAT_CHANNEL,
			       (struct bytes){heartbeat->marker, (size_t)size});
	redis_publisher_check_role(heartbeat->publisher);
}

const char *heartbeat_mark(struct heartbeat *heartbeat)
{
	if (!both_are_up(heartbeat))
		return NULL;
	beat(heartbeat);
	return heartbeat->marker;
}

bool heartbeat_is_marker(struct bytes payload)
{
	const char *text = payload.data;
	size_t size = 0;

	while (size < payload.size && text[size] && strchr("0123456789abcdef-", text[size]))
		size++;
	return size > TOKEN_SIZE && size == payload.size;
}

void heartbeat_connected(struct heartbeat *heartbeat)
{
	heartbeat->was_received = false;
	heartbeat->silent_since_ms = monotonic_ms();
	if (both_are_up(heartbeat))
		beat(heartbeat);
}

void heartbeat_received(struct heartbeat *heartbeat, struct bytes payload)
{
	if (payload.size < sizeof heartbeat->token ||
	    memcmp(payload.data, heartbeat->token, sizeof heartbeat->token) != 0)
		return;
	heartbeat->was_received = true;
	heartbeat->silent_since_ms = monotonic_ms();
	heartbeat->received_at = wall_clock_us();
}

bool heartbeat_is_fresh(const struct heartbeat *heartbeat)
{
	return both_are_up(heartbeat) && heartbeat->was_received;
}

int64_t heartbeat_received_ms_ago(const struct heartbeat *heartbeat)
{
	return heartbeat->received_at ? (wall_clock_us() - heartbeat->received_at) / 1000 : 0;
}

/* Whether the heartbeat could be received since the last tick: no pause, and the process did not sleep. */
static bool was_listening(struct heartbeat *heartbeat)
{
	uint64_t pauses = redis_subscriber_stats(heartbeat->subscriber)->pauses;
	int64_t now = monotonic_ms();
	bool slept = now - heartbeat->ticked_ms > 3 * heartbeat->tick_ms;
	bool paused = redis_subscriber_is_paused(heartbeat->subscriber) || pauses != heartbeat->pauses;

	heartbeat->ticked_ms = now;
	heartbeat->pauses = pauses;
	return both_are_up(heartbeat) && !slept && !paused;
}

static void give_up(struct heartbeat *heartbeat)
{
	char cause[64];

	snprintf(cause, sizeof cause, "heartbeat not heard for %d s", heartbeat->silence_max_ms / 1000);
	redis_subscriber_drop(heartbeat->subscriber, heartbeat->received_at, cause);
	redis_publisher_drop(heartbeat->publisher, cause);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct heartbeat *heartbeat = context;

	(void)fd;
	(void)what;
	if (!was_listening(heartbeat))
		heartbeat->silent_since_ms = heartbeat->ticked_ms;
	if (heartbeat->ticked_ms - heartbeat->silent_since_ms >= heartbeat->silence_max_ms)
		give_up(heartbeat);
	else if (++heartbeat->ticks % TICKS_A_BEAT == 0)
		beat(heartbeat);
}

/* ---- the whole ---- */

static void make_token(struct heartbeat *heartbeat, struct random *random)
{
	unsigned char bytes[TOKEN_SIZE / 2];

	random->fill(random, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof heartbeat->token; i++)
		heartbeat->token[i] = "0123456789abcdef"[bytes[i / 2] >> (i % 2 ? 0 : 4) & 0xf];
}

struct heartbeat *heartbeat_new(const struct redis_settings *settings, struct redis_publisher *publisher,
				struct redis_subscriber *subscriber)
{
	int tick_ms = redis_silence_tick_ms(settings);
	struct timeval tick = {tick_ms / 1000, tick_ms % 1000 * 1000};
	struct heartbeat *heartbeat = must_alloc(sizeof *heartbeat);

	heartbeat->silence_max_ms = redis_silence_max_ms(settings);
	heartbeat->tick_ms = tick_ms;
	heartbeat->publisher = publisher;
	heartbeat->subscriber = subscriber;
	heartbeat->ticked_ms = heartbeat->silent_since_ms = monotonic_ms();
	make_token(heartbeat, settings->random);
	heartbeat->timer = must(event_new(settings->base, -1, EV_PERSIST, on_tick, heartbeat));
	evtimer_add(heartbeat->timer, &tick);
	return heartbeat;
}

void heartbeat_free(struct heartbeat **heartbeat)
{
	if (!*heartbeat)
		return;
	event_free((*heartbeat)->timer);
	free(*heartbeat);
	*heartbeat = NULL;
}
