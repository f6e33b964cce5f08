/* Concludes the troubles from what the parts of a worker report.  No other place does. */
#include "entrypoints/status/observation.h"
#include "entrypoints/troubles/cause.h"

#include <inttypes.h>

static int64_t since(const struct report *report, int64_t now_us)
{
	return now_us - 1000 * report->for_ms;
}

static void judge_units(const struct report *units, int64_t now_us, struct trouble_list *troubles)
{
	struct cause cause;

	if (!units->is_bad)
		return;
	cause = cause_of_database(units->text);
	if (*units->text)
		trouble_list_note(troubles, cause.code, since(units, now_us), cause.advice,
				  "nothing is committed: %s", units->text);
	else
		trouble_list_note(troubles, cause.code, since(units, now_us), cause.advice,
				  "work waits, and nothing is committed, for statements get no answer");
}

static void judge_database(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	struct cause cause;

	judge_units(&it->units, now_us, troubles);
	if (it->reads.is_bad) {
		cause = cause_of_database(*it->reads.text ? it->reads.text : "no answer");
		trouble_list_note(troubles, cause.code, since(&it->reads, now_us), cause.advice,
				  "the database does not answer%s%s", *it->reads.text ? ": " : "",
				  it->reads.text);
	}
	if (it->is_restored)
		trouble_list_note(troubles, TROUBLE_DATABASE_RESTORED, now_us, NULL,
				  "the database is older than what was published");
}

/* Whether one of these is open: then it explains what else stands still. */
static bool has_any(const struct trouble_list *troubles, enum trouble_code from, enum trouble_code to)
{
	for (enum trouble_code code = from; code <= to; code++) {
		if (troubles->by_code[code].is_noted)
			return true;
	}
	return false;
}

/* A stream that is not read because Redis takes no writes, or loads, is no trouble of its own. */
static struct cause cause_of_stream(const struct observation *it, enum stream_trouble kind)
{
	static const enum trouble_code codes[STREAM_TROUBLES] = {
		[STREAM_UNREAD] = TROUBLE_STREAM_UNREAD,
		[STREAM_REFUSES_ACKS] = TROUBLE_ACK_REFUSED,
		[STREAM_CANNOT_FORWARD] = TROUBLE_FORWARDING_REFUSED,
		[STREAM_WAITS_FOR_NEWER] = TROUBLE_STREAM_TYPE_UNKNOWN,
	};
	struct cause of_redis = cause_of_redis(it->streams[kind].text, TROUBLE_STREAM_UNREAD);

	if (kind == STREAM_UNREAD && it->is_lease_lost)
		return (struct cause){TROUBLE_LEASE_LOST, NULL};
	if (kind == STREAM_UNREAD &&
	    (of_redis.code == TROUBLE_REDIS_READONLY || of_redis.code == TROUBLE_REDIS_LOADING))
		return of_redis;
	return (struct cause){codes[kind], NULL};
}

static void judge_streams(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	for (int i = STREAM_UNREAD; i < STREAM_TROUBLES; i++) {
		const struct report *stream = &it->streams[i];
		struct cause cause;

		if (!stream->is_bad)
			continue;
		cause = cause_of_stream(it, (enum stream_trouble)i);
		trouble_list_note(troubles, cause.code, since(stream, now_us), cause.advice, "%s%s",
				  stream->text,
				  cause.code == TROUBLE_LEASE_LOST
					  ? ": another worker took its lease, and none that is alive has it"
					  : "");
	}
}

static void judge_events(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	const struct report *events = &it->events;
	struct cause cause;

	if (events->is_bad && *events->text) {
		cause = cause_of_redis(events->text, TROUBLE_EVENTS_REFUSED);
		trouble_list_note(troubles, cause.code, since(events, now_us), cause.advice,
				  "Redis refuses events: %s", events->text);
	} else if (events->is_bad) {
		trouble_list_note(troubles, TROUBLE_OUTBOX_BEHIND, since(events, now_us), NULL,
				  "%zu committed events wait, and none was published",
				  it->outputs.unpublished);
	}
}

/* False: the subscription and the publisher are up. */
static bool judge_connections(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	const struct report *down = it->subscription.is_bad ? &it->subscription : &it->publisher;
	struct cause cause;

	if (!down->is_bad)
		return false;
	cause = cause_of_redis(down->text, TROUBLE_REDIS_UNREACHABLE);
	trouble_list_note(troubles, cause.code, since(down, now_us), cause.advice,
			  "%s Redis at %s: %s (%zu event%s in the database)",
			  it->subscription.is_bad ? "not listening on" : "cannot publish on", it->redis,
			  down->text, it->outputs.unpublished,
			  it->outputs.unpublished == 1 ? " waits" : "s wait");
	return true;
}

static void judge_redis(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	const struct report *heartbeat = &it->heartbeat;
	bool is_down = judge_connections(it, now_us, troubles);
	struct cause cause;

	if (!it->publisher.is_bad) /* otherwise that is why events wait */
		judge_events(it, now_us, troubles);
	if (is_down)
		return;
	if (heartbeat->is_bad) {
		cause = cause_of_redis(heartbeat->text, TROUBLE_SUBSCRIPTION_STALLED);
		trouble_list_note(
			troubles, cause.code, since(heartbeat, now_us), cause.advice,
			"messages that are published on Redis at %s do not arrive on the subscription%s%s",
			it->redis, *heartbeat->text ? ": " : "", heartbeat->text);
	} else if (!has_any(troubles, TROUBLE_DATABASE_UNREACHABLE, TROUBLE_STALLED)) {
		judge_streams(it, now_us, troubles);
		if (it->behind.is_bad)
			trouble_list_note(troubles, TROUBLE_STREAM_BEHIND, since(&it->behind, now_us), NULL,
					  "%s", it->behind.text);
	}
}

static const char *plural(int64_t count)
{
	return count == 1 ? "" : "s";
}

static void judge_harm(const struct observation *it, const struct rises *rises, int64_t now_us,
		       struct trouble_list *troubles)
{
	if (it->damaged)
		trouble_list_note(troubles, TROUBLE_OUTBOX_DAMAGED, now_us, NULL,
				  "the outbox row of partition %d, position %" PRId64
				  " is %s, and holds up the events of its partition",
				  it->damaged_partition, it->damaged_position,
				  it->damaged_is_absent ? "missing" : "damaged");
	if (it->is_out_of_memory)
		trouble_list_note(troubles, TROUBLE_REDIS_OOM, now_us, NULL,
				  "Redis at %s is out of memory: %" PRIu64
				  " events were published without fence and event stream",
				  it->redis, it->outputs.unfenced);
	if (rises->lost)
		trouble_list_note(troubles, TROUBLE_STREAM_LOST, now_us, NULL,
				  "%" PRId64 " entr%s trimmed or deleted in the last hour before they were "
				  "handled, the last of stream %s",
				  rises->lost, rises->lost == 1 ? "y was" : "ies were", rises->lost_by);
	if (it->parked.is_bad)
		trouble_list_note(troubles, TROUBLE_SKU_PARKED, since(&it->parked, now_us), NULL,
				  "%zu SKU%s parked%s%s", it->doing.parked_skus,
				  it->doing.parked_skus == 1 ? " is" : "s are", *it->parked.text ? ": " : "",
				  it->parked.text);
	if (it->pauses_pubsub)
		trouble_list_note(
			troubles, TROUBLE_PUBSUB_PAUSED, now_us, NULL,
			"pub/sub is not read, because messages of held-up SKUs fill half of the queue");
	if (it->dead_letters_max && it->dead_letters.kept >= it->dead_letters_max)
		trouble_list_note(troubles, TROUBLE_DEAD_LETTERS_FULL, now_us, NULL,
				  "%" PRId64 " dead letters are kept, which is the most, and %" PRId64
				  " were dropped",
				  it->dead_letters.kept, it->dead_letters.dropped);
	if (it->is_mail_down)
		trouble_list_note(troubles, TROUBLE_MAIL_UNREACHABLE, now_us, NULL,
				  "the mail server is away, or refuses mail");
}

#define SKEW_US 2000000

static void judge_clocks(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	int64_t skew_us = it->skew_us < 0 ? -it->skew_us : it->skew_us;

	if (skew_us >= SKEW_US)
		trouble_list_note(troubles, TROUBLE_CLOCK_SKEW, now_us, NULL,
				  "the database's clock is %.1f s %s that of this machine",
				  (double)skew_us / 1e6, it->skew_us > 0 ? "ahead of" : "behind");
}

/* The read model's have an advice of their own. */
static void judge_verification(const struct observation *it, int64_t now_us, struct trouble_list *troubles)
{
	int64_t others = it->breaches - it->view_breaches;

	if (others > 0)
		trouble_list_note(troubles, TROUBLE_VERIFY_FAILED, now_us, NULL,
				  "the last `allocd verify` found %" PRId64
				  " place%s where the database breaks a rule",
				  others, plural(others));
	if (it->view_breaches > 0)
		trouble_list_note(troubles, TROUBLE_VIEW_STALE, now_us, NULL,
				  "the last `allocd verify` found %" PRId64
				  " line%s that the read model shows wrongly",
				  it->view_breaches, plural(it->view_breaches));
}

/* The cause is of the dead letters of this worker: those of others are known by their number alone. */
static void judge_dead_letters(const struct observation *it, const struct rises *rises, int64_t now_us,
			       struct trouble_list *troubles)
{
	const struct frequent_cause *cause = &rises->cause;

	if (rises->dead_letters && cause->count)
		trouble_list_note(troubles, TROUBLE_DEAD_LETTERS_NEW, now_us, NULL,
				  "%" PRId64 " dead letter%s in the last hour, %" PRId64
				  " kept in all; the most frequent here: %s, %s (%" PRId64 ")",
				  rises->dead_letters, plural(rises->dead_letters), it->dead_letters.kept,
				  cause->message, cause->reason, cause->count);
	else if (rises->dead_letters)
		trouble_list_note(troubles, TROUBLE_DEAD_LETTERS_NEW, now_us, NULL,
				  "%" PRId64 " dead letter%s in the last hour, %" PRId64 " kept in all",
				  rises->dead_letters, plural(rises->dead_letters), it->dead_letters.kept);
}

static void judge_notes(const struct observation *it, const struct rises *rises, int64_t now_us,
			struct trouble_list *troubles)
{
	if (it->doing.queue_is_full)
		trouble_list_note(troubles, TROUBLE_QUEUE_FULL, now_us, NULL,
				  "the queue is full: %zu messages of %zu bytes wait", it->doing.waiting,
				  it->doing.waiting_bytes);
	judge_dead_letters(it, rises, now_us, troubles);
	if (rises->unheard)
		trouble_list_note(troubles, TROUBLE_NOBODY_LISTENS, now_us, NULL,
				  "%" PRId64 " event%s of the last ten minutes had no subscriber",
				  rises->unheard, plural(rises->unheard));
}

void status_judge(const struct observation *observation, const struct rises *rises, int64_t now_us,
		  struct trouble_list *troubles)
{
	judge_database(observation, now_us, troubles);
	judge_redis(observation, now_us, troubles);
	judge_harm(observation, rises, now_us, troubles);
	judge_verification(observation, now_us, troubles);
	judge_notes(observation, rises, now_us, troubles);
	judge_clocks(observation, now_us, troubles);
}
