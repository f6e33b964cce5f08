/* Logs the beginning and the end of troubles. */
#include "entrypoints/troubles/trouble_log.h"

static void log_begin(struct logger *logger, enum trouble_code code, const struct trouble *trouble)
{
	const struct trouble_kind *kind = &trouble_kinds[code];
	enum log_level level = kind->severity == TROUBLE_NOTE ? LOG_INFO : LOG_WARN;

	LOG(logger, level, "a trouble has begun", LOG_TEXT("code", kind->code),
	    LOG_TEXT("severity", trouble_severity_name(kind->severity)), LOG_TEXT("error", trouble->text),
	    LOG_TEXT("effect", kind->effect), LOG_TEXT("advice", trouble->advice));
}

static void update(struct trouble_log *log, enum trouble_code code, const struct trouble *trouble,
		   struct logger *logger, int64_t now_ms, int64_t open_ms)
{
	const struct trouble_kind *kind = &trouble_kinds[code];
	int64_t calm_ms = kind->severity == TROUBLE_NOTE ? NOTE_CALM_MS : TROUBLE_CALM_MS;
	struct logged_trouble *logged = &log->by_code[code];

	if (trouble->is_open && !logged->is_logged && open_ms >= TROUBLE_BEGINS_MS) {
		log_begin(logger, code, trouble);
		*logged = (struct logged_trouble){.is_logged = true, .since_ms = now_ms - open_ms};
	}
	if (trouble->is_open)
		logged->seen_ms = now_ms;
	if (!logged->is_logged || now_ms - logged->seen_ms < calm_ms)
		return;
	logged->is_logged = false;
	LOG(logger, LOG_INFO, "a trouble is over", LOG_TEXT("code", kind->code),
	    LOG_NUMBER("after_ms", logged->seen_ms - logged->since_ms));
}

void trouble_log_update(struct trouble_log *log, const struct trouble_list *list, struct logger *logger,
			int64_t now_ms, int64_t now_us)
{
	for (int code = 0; code < TROUBLE_CODES; code++)
		update(log, (enum trouble_code)code, &list->by_code[code], logger, now_ms,
		       (now_us - list->by_code[code].since_us) / 1000);
}
