/* Counts messages, and measures how long they took. */
#include "bus/statistics/message_statistics.h"

#include "core/base/calendar.h"

static enum message_type counted_type(const struct delivery *delivery)
{
	return message_is_command(delivery->type) ? delivery->type : MSG_NONE;
}

void message_statistics_received(struct message_statistics *statistics, const struct delivery *delivery)
{
	statistics->of[counted_type(delivery)][delivery->transport].received++;
}

uint64_t message_statistics_count(const struct message_statistics *statistics, enum outcome outcome)
{
	uint64_t count = 0;

	for (int type = 0; type < MSG_TYPES; type++) {
		for (int way = 0; way < TRANSPORTS; way++)
			count += statistics->of[type][way].outcomes[outcome];
	}
	return count;
}

static void add_up(struct histogram *sum, const struct histogram *one)
{
	for (size_t i = 0; i < sizeof sum->counts / sizeof sum->counts[0]; i++)
		sum->counts[i] += one->counts[i];
	sum->sum += one->sum;
}

struct histogram message_statistics_durations(const struct message_statistics *statistics)
{
	struct histogram sum = {0};

	for (int type = 0; type < MSG_TYPES; type++) {
		for (int way = 0; way < TRANSPORTS; way++)
			add_up(&sum, &statistics->of[type][way].duration);
	}
	return sum;
}

/* Publishers may state any instant, and a single one must not outweigh all others. */
#define CRITICAL_MAX_US (INT64_C(30) * 24 * 60 * 60 * 1000000)

/* A postponed or forwarded message ends later, or elsewhere. */
static bool is_the_end(enum outcome outcome)
{
	return outcome_is_done(outcome) || outcome >= OUTCOME_REJECTED;
}

static void add_times(struct message_figures *figures, const struct delivery *delivery, int64_t committed_us,
		      int64_t committed_at)
{
	int64_t critical_us;

	histogram_add(&figures->duration, &histogram_durations, committed_us - delivery->received_us);
	if (delivery->published_us == NO_INSTANT || committed_at == NO_INSTANT)
		return;
	critical_us = committed_at - delivery->published_us;
	histogram_add(&figures->critical, &histogram_durations,
		      critical_us < CRITICAL_MAX_US ? critical_us : CRITICAL_MAX_US);
}

void message_statistics_finished(struct message_statistics *statistics, const struct delivery *delivery,
				 int64_t committed_us, int64_t committed_at)
{
	enum message_type type = counted_type(delivery);
	struct message_figures *figures = &statistics->of[type][delivery->transport];

	figures->outcomes[delivery->outcome]++;
	if (!is_the_end(delivery->outcome))
		return;
	if (!delivery->is_lost)
		add_times(figures, delivery, committed_us, committed_at);
	if (outcome_is_done(delivery->outcome))
		return;
	statistics->refused[type][reason_code_of(delivery)]++;
	if (delivery_is_dead(delivery))
		statistics->dead_letters[type][reason_code_of(delivery)]++;
}
