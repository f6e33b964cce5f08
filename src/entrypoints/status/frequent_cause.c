/* Counts the dead letters of the last hour by message and reason. */
#include "entrypoints/status/frequent_cause.h"

void causes_count(struct causes *causes, const struct message_statistics *statistics, int64_t now_ms)
{
	for (int type = 0; type < MSG_TYPES; type++) {
		for (int code = 0; code < REASON_CODES; code++)
			recent_count(&causes->of[type][code], (int64_t)statistics->dead_letters[type][code],
				     now_ms);
	}
}

struct frequent_cause causes_most_frequent(const struct causes *causes)
{
	struct frequent_cause most = {0};

	for (int type = 0; type < MSG_TYPES; type++) {
		for (int code = 0; code < REASON_CODES; code++) {
			int64_t count = recent_rise(&causes->of[type][code], RECENT_MINUTES);

			if (count > most.count)
				most = (struct frequent_cause){message_name((enum message_type)type),
							       reason_code_name((enum reason_code)code),
							       count};
		}
	}
	return most;
}
