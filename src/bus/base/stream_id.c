/* Ids of stream entries. */
#include "bus/base/stream_id.h"

#include "core/base/calendar.h"
#include "core/base/decimal.h"

int stream_id_compare(struct stream_id left, struct stream_id right)
{
	if (left.ms != right.ms)
		return left.ms < right.ms ? -1 : 1;
	return (left.seq > right.seq) - (left.seq < right.seq);
}

/* False for a number that does not fit.  Every entry has two, and strtoull() knows bases and locales. */
static bool parse_number(const char **text, uint64_t *number)
{
	const char *start = *text;
	bool is_too_large = false;

	for (*number = 0; **text >= '0' && **text <= '9'; ++*text)
		is_too_large |= __builtin_mul_overflow(*number, UINT64_C(10), number) ||
				__builtin_add_overflow(*number, (uint64_t)(**text - '0'), number);
	return *text > start && !is_too_large;
}

bool stream_id_parse(const char *text, struct stream_id *id)
{
	*id = (struct stream_id){0};
	if (!parse_number(&text, &id->ms))
		return false;
	if (*text == '\0')
		return true;
	if (*text++ != '-')
		return false;
	return parse_number(&text, &id->seq) && *text == '\0';
}

void stream_id_format(struct stream_id id, char text[STREAM_ID_TEXT])
{
	text += decimal_format_unsigned(id.ms, text);
	*text++ = '-';
	text += decimal_format_unsigned(id.seq, text);
	*text = '\0';
}

/* The end of the year 9999. */
#define LAST_MS UINT64_C(253402300799999)

int64_t stream_id_instant(struct stream_id id)
{
	return id.ms > LAST_MS ? NO_INSTANT : 1000 * (int64_t)id.ms;
}

struct stream_id stream_id_before(struct stream_id id)
{
	if (id.seq > 0)
		return (struct stream_id){id.ms, id.seq - 1};
	return id.ms > 0 ? (struct stream_id){id.ms - 1, UINT64_MAX} : id;
}
