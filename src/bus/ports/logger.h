/*
 * Port: the log.  A line is a level, a message and named fields.
 *
 *     LOG(logger, LOG_WARN, "message rejected", LOG_TEXT("channel", place), LOG_NUMBER("attempts", 2));
 */
#ifndef ALLOCD_BUS_PORTS_LOGGER_H
#define ALLOCD_BUS_PORTS_LOGGER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVELS };

struct log_field {
	const char *name;
	const char *text; /* NULL: a number */
	int64_t number;
};

struct logger {
	enum log_level level; /* lines below it are not written */
	void (*write)(struct logger *logger, enum log_level level, const char *message,
		      const struct log_field *fields, size_t count);

	/* Lines by level that it wrote, if it is the one that writes them out; any thread may write. */
	atomic_uint_least64_t written[LOG_LEVELS];
};

static inline const char *log_text_or_none(const char *text)
{
	return text ? text : "";
}

/* A text that may be NULL.  A field whose text is NULL or empty is left out of the line. */
#define LOG_TEXT(field_name, value)   ((struct log_field){(field_name), log_text_or_none(value), 0})
#define LOG_NUMBER(field_name, value) ((struct log_field){(field_name), NULL, (int64_t)(value)})

/* Marks by which log_limiter.h decides which lines to leave out. */
#define LOG_TROUBLE(name) LOG_TEXT("trouble", name)
#define LOG_OVER(name)    LOG_TEXT("over", name)
#define LOG_KEPT          LOG_TEXT("kept", "")

/* The services that LOG_TROUBLE and LOG_OVER name. */
#define LOG_DATABASE "database"
#define LOG_REDIS    "Redis"
#define LOG_MAIL     "mail"

/* The fields are evaluated only for a line that is written. */
#define LOG(logger, log_level_, message, ...)                                                                \
	do {                                                                                                 \
		if ((logger)->level <= (log_level_)) {                                                       \
			const struct log_field log_fields_[] = {__VA_ARGS__};                                \
			(logger)->write((logger), (log_level_), (message), log_fields_,                      \
					sizeof log_fields_ / sizeof log_fields_[0]);                         \
		}                                                                                            \
	} while (0)

#endif
