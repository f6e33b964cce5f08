/* Keeps the rises of a counter minute by minute, in a ring. */
#include "entrypoints/status/recent.h"

#include <string.h>

static void forget_old_minutes(struct recent *recent, int64_t minute)
{
	if (minute - recent->minute >= RECENT_MINUTES)
		memset(recent->rises, 0, sizeof recent->rises);
	else
		while (recent->minute < minute)
			recent->rises[++recent->minute % RECENT_MINUTES] = 0;
	recent->minute = minute;
}

void recent_count(struct recent *recent, int64_t total, int64_t now_ms)
{
	int64_t minute = now_ms / 60000;

	if (!recent->is_known)
		*recent = (struct recent){.is_known = true, .total = total, .minute = minute};
	forget_old_minutes(recent, minute);
	if (total > recent->total)
		recent->rises[minute % RECENT_MINUTES] += total - recent->total;
	recent->total = total;
}

int64_t recent_rise(const struct recent *recent, int minutes)
{
	int64_t sum = 0;

	for (int64_t i = recent->minute; i > recent->minute - minutes && i >= 0; i--)
		sum += recent->rises[i % RECENT_MINUTES];
	return sum;
}
