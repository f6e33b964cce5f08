/* Capped exponential backoff with jitter. */
#include "bus/base/backoff.h"

int64_t backoff_next(struct backoff *backoff, struct random *random)
{
	int64_t delay_ms = backoff->first_ms;
	uint32_t chance;

	for (int i = 0; i < backoff->failures && delay_ms < backoff->cap_ms; i++)
		delay_ms *= 2;
	if (delay_ms > backoff->cap_ms)
		delay_ms = backoff->cap_ms;
	backoff->failures++;
	random->fill(random, &chance, sizeof chance);
	return delay_ms / 2 + (int64_t)chance % (delay_ms / 2 + 1);
}
