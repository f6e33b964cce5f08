/*
 * Redis loses its data: the streams with their groups, pending entries and marks, and the fences.  What no
 * worker has handled by then is lost, except what a worker has read and still handles.  Events may be
 * published once more.
 */
#include "simulation/disasters/disaster.h"

#include "simulation/run.h"
#include "simulation/schedule/schedule.h"

#define DOWN_MAX_MS 3000

static void set_down(bool down)
{
	memory_broker_set_down(world->broker, down);
	for (int i = 0; i < STREAMS; i++)
		memory_stream_set_down(shared_streams[i], down);
}

/* Only by its mark a stream is known to be another one that gives the same ids: see checkpoints.h. */
static bool is_marked(int stream)
{
	const struct stream_row *row = database_stream(world->database, stream_name(stream));

	return row && row->marked == row->record.incarnation;
}

/*
 * The server's clock may be behind by then, so that new entries get the ids of earlier ones; else a
 * millisecond passes.
 */
static void lose_stream(struct run *run, int stream)
{
	struct memory_stream *it = shared_streams[stream];
	int64_t last_ms = (int64_t)memory_stream_last(it).ms;
	bool is_behind = pick(run, 2) && last_ms && is_marked(stream);

	memory_stream_delete(it);
	memory_stream_set_clock(it, is_behind ? last_ms - 1 - simulation_now_ms(world->simulation) : 1);
}

static void lose_all(struct run *run)
{
	ledger_lose_streams(&run->ledger);
	for (int i = 0; i < STREAMS; i++)
		lose_stream(run, i);
	memory_broker_forget(world->broker);
	run->chaos.broker_keeps = false;
}

/* All connections end, and the server is not there for a while. */
static void restart(struct run *run)
{
	story("Redis is restarted without its data");
	set_down(true);
	world_advance_ms(world, pick(run, 2) ? pick(run, DOWN_MAX_MS) : 0);
	for (int i = 0; i < STREAMS; i++)
		memory_stream_end_connections(shared_streams[i]);
	pubsub_restart(&shared_pubsub);
	lose_all(run);
	set_down(false);
}

void redis_loses_data(struct run *run)
{
	if (pick(run, 3)) {
		restart(run);
	} else {
		story("all data of Redis is deleted");
		lose_all(run);
	}
	if (pick(run, 2))
		send_burst(run);
}
