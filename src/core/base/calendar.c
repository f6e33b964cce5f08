/*
 * Days and instants are parsed and formatted by hand: strptime and timegm support
 * neither microseconds nor offsets, and year 1 not portably.
 *
 * Day numbers: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
 * days_from_civil and civil_from_days.
 */
#include "core/base/calendar.h"

#include "core/base/decimal.h"

#define US_PER_SECOND   INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)

struct scanner {
	const char *at;
	const char *end;
};

struct civil {
	int32_t year, month, day;
};

static bool skip_character(struct scanner *in, const char *any_of)
{
	if (in->at == in->end)
		return false;
	for (; *any_of; any_of++) {
		if (*in->at == *any_of) {
			in->at++;
			return true;
		}
	}
	return false;
}

static bool scan_number(struct scanner *in, int digits, int32_t min, int32_t max, int32_t *number)
{
	int32_t value = 0;

	for (int i = 0; i < digits; i++) {
		if (in->at == in->end || *in->at < '0' || *in->at > '9')
			return false;
		value = value * 10 + (*in->at++ - '0');
	}
	*number = value;
	return value >= min && value <= max;
}

static int32_t days_in_month(int32_t year, int32_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static int32_t days_from_civil(struct civil date)
{
	int32_t year = date.year - (date.month <= 2);
	int32_t era = year / 400;
	int32_t year_of_era = year - era * 400;
	int32_t month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
	int32_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
	int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static struct civil civil_from_days(int32_t days)
{
	int64_t shifted = INT64_C(719468) + days;
	int32_t era = (int32_t)((shifted >= 0 ? shifted : shifted - 146096) / 146097);
	int32_t day_of_era = (int32_t)(shifted - INT64_C(146097) * era);
	int32_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int32_t month_from_march = (5 * day_of_year + 2) / 153;
	struct civil date = {
		.year = year_of_era + era * 400,
		.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9,
		.day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
	};

	date.year += date.month <= 2;
	return date;
}

static bool scan_date(struct scanner *in, int32_t min_year, int32_t *day)
{
	struct civil date;

	if (!scan_number(in, 4, min_year, 9999, &date.year) || !skip_character(in, "-") ||
	    !scan_number(in, 2, 1, 12, &date.month) || !skip_character(in, "-") ||
	    !scan_number(in, 2, 1, days_in_month(date.year, date.month), &date.day))
		return false;
	*day = days_from_civil(date);
	return true;
}

/* Reads the digits after the decimal point; those beyond microseconds are dropped. */
static bool scan_fraction(struct scanner *in, int64_t *us)
{
	int64_t scale = US_PER_SECOND / 10;
	int32_t digit;

	*us = 0;
	if (!scan_number(in, 1, 0, 9, &digit))
		return false;
	do {
		*us += digit * scale;
		scale /= 10;
	} while (scan_number(in, 1, 0, 9, &digit));
	return true;
}

/* Reads `Z` or an offset such as `+02:00`; *offset is in seconds east of UTC. */
static bool scan_zone(struct scanner *in, int64_t *offset)
{
	bool east = in->at != in->end && *in->at == '+';
	int32_t hours, minutes;

	*offset = 0;
	if (skip_character(in, "Zz"))
		return true;
	if (!skip_character(in, "+-") || !scan_number(in, 2, 0, 23, &hours) || !skip_character(in, ":") ||
	    !scan_number(in, 2, 0, 59, &minutes))
		return false;
	*offset = (east ? 1 : -1) * (hours * 3600 + minutes * 60);
	return true;
}

/* Skips the minutes or seconds of an offset, with or without a colon before them. */
static bool skip_part(struct scanner *in)
{
	int32_t ignored;

	skip_character(in, ":");
	return scan_number(in, 2, 0, 59, &ignored);
}

/* Skips `Z` or an offset in any common notation: `+02`, `+02:00`, ` +0200`, `+00:53:28`. */
static bool skip_zone(struct scanner *in)
{
	int32_t ignored;

	if (skip_character(in, "Zz"))
		return true;
	skip_character(in, " ");
	if (!skip_character(in, "+-") || !scan_number(in, 2, 0, 23, &ignored))
		return false;
	return in->at == in->end || (skip_part(in) && (in->at == in->end || skip_part(in)));
}

/* Checks and skips a time of day: HH:MM, then optionally seconds, fraction and zone. */
static bool skip_time(struct scanner *in)
{
	int32_t ignored;
	int64_t ignored_us;

	if (!scan_number(in, 2, 0, 23, &ignored) || !skip_character(in, ":") ||
	    !scan_number(in, 2, 0, 59, &ignored))
		return false;
	if (skip_character(in, ":")) {
		if (!scan_number(in, 2, 0, 60, &ignored) ||
		    (skip_character(in, ".") && !scan_fraction(in, &ignored_us)))
			return false;
	}
	return in->at == in->end || skip_zone(in);
}

bool day_parse(const char *text, size_t length, int32_t *day)
{
	struct scanner in = {text, text + length};

	if (!scan_date(&in, 1, day))
		return false;
	if (skip_character(&in, "Tt ") && !skip_time(&in))
		return false;
	return in.at == in.end;
}

void day_format(int32_t day, char text[DAY_TEXT_SIZE])
{
	struct civil date = civil_from_days(day);

	text = decimal_format_fixed(text, (unsigned)date.year, 4);
	*text++ = '-';
	text = decimal_format_fixed(text, (unsigned)date.month, 2);
	*text++ = '-';
	text = decimal_format_fixed(text, (unsigned)date.day, 2);
	*text = '\0';
}

bool instant_parse(const char *text, size_t length, int64_t *instant)
{
	struct scanner in = {text, text + length};
	int32_t day, hour, minute, second;
	int64_t us = 0, offset;

	if (!scan_date(&in, 1, &day) || !skip_character(&in, "Tt ") || !scan_number(&in, 2, 0, 23, &hour) ||
	    !skip_character(&in, ":") || !scan_number(&in, 2, 0, 59, &minute) || !skip_character(&in, ":") ||
	    !scan_number(&in, 2, 0, 60, &second))
		return false;
	if (skip_character(&in, ".") && !scan_fraction(&in, &us))
		return false;
	if (!scan_zone(&in, &offset) || in.at != in.end)
		return false;
	*instant = (day * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset) * US_PER_SECOND + us;
	return true;
}

void instant_format(int64_t instant, char text[INSTANT_TEXT_SIZE])
{
	int64_t us_per_day = SECONDS_PER_DAY * US_PER_SECOND;
	int64_t day = instant / us_per_day - (instant % us_per_day < 0);
	int64_t us = instant % us_per_day + (instant % us_per_day < 0 ? us_per_day : 0);
	unsigned seconds = (unsigned)(us / US_PER_SECOND);

	day_format((int32_t)day, text);
	text += DAY_TEXT_SIZE - 1;
	*text++ = 'T';
	text = decimal_format_fixed(text, seconds / 3600, 2);
	*text++ = ':';
	text = decimal_format_fixed(text, seconds / 60 % 60, 2);
	*text++ = ':';
	text = decimal_format_fixed(text, seconds % 60, 2);
	*text++ = '.';
	text = decimal_format_fixed(text, (unsigned)(us % US_PER_SECOND), 6);
	*text++ = 'Z';
	*text = '\0';
}
