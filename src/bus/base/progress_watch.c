/* Remembers the last failures, and when work was last completed. */
#include "bus/base/progress_watch.h"

#include "core/base/utf8.h"

#define FAILURES_OF_TROUBLE 2

void progress_watch_begin(struct progress_watch *watch, int64_t now_ms)
{
	if (watch->has_work)
		return;
	watch->has_work = true;
	watch->since_ms = now_ms;
}

void progress_watch_failed(struct progress_watch *watch, int64_t now_ms, const char *text)
{
	if (!watch->failures++)
		watch->failed_ms = now_ms;
	utf8_format(watch->text, sizeof watch->text, "%s", text);
}

void progress_watch_gave_up(struct progress_watch *watch, int64_t now_ms, const char *text)
{
	progress_watch_failed(watch, now_ms, text);
	if (watch->failures < FAILURES_OF_TROUBLE)
		watch->failures = FAILURES_OF_TROUBLE;
}

void progress_watch_done(struct progress_watch *watch)
{
	watch->has_work = false;
	watch->failures = 0;
}

void progress_watch_moved(struct progress_watch *watch)
{
	watch->has_work = false;
}

bool progress_watch_is_in_trouble(const struct progress_watch *watch, int64_t now_ms, int64_t patience_ms,
				  int64_t *since_ms, const char **text)
{
	bool is_slow = watch->has_work && now_ms - watch->since_ms >= patience_ms;

	*text = watch->failures ? watch->text : "";
	*since_ms = watch->failures ? watch->failed_ms : watch->since_ms;
	return watch->failures >= FAILURES_OF_TROUBLE || is_slow;
}
