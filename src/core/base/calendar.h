/*
 * Days and instants of the proleptic Gregorian calendar, as numbers.
 *
 * A day is the count of days since 1970-01-01; an instant the count of microseconds since
 * 1970-01-01T00:00:00Z.  Nothing here reads a clock.
 */
#ifndef ALLOCD_CORE_BASE_CALENDAR_H
#define ALLOCD_CORE_BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ETA of a batch that is in the warehouse already.  It sorts before every day. */
#define IN_WAREHOUSE INT32_MIN

/* Stands for an absent instant.  It sorts before every instant. */
#define NO_INSTANT INT64_MIN

#define DAY_TEXT_SIZE     11 /* YYYY-MM-DD and NUL */
#define INSTANT_TEXT_SIZE 28 /* YYYY-MM-DDTHH:MM:SS.ffffffZ and NUL */

/*
 * Parses `YYYY-MM-DD` (year 0001 to 9999), optionally followed by `T` or a space and a time of day, which is
 * checked and dropped.  After `HH:MM`, the time's seconds, fraction and zone are optional, as are the minutes
 * and seconds of a zone's offset.
 */
bool day_parse(const char *text, size_t length, int32_t *day);
void day_format(int32_t day, char text[DAY_TEXT_SIZE]);

/*
 * Parses an RFC 3339 date-time (section 5.6).  Digits beyond microseconds are dropped; a leap
 * second counts as the second after it.
 */
bool instant_parse(const char *text, size_t length, int64_t *instant);

/* Writes RFC 3339 in UTC, with microseconds. */
void instant_format(int64_t instant, char text[INSTANT_TEXT_SIZE]);

#endif
