/* Keeps the lines of the log as texts in an arena. */
#include "adapters/memory/ports/logger.h"

#include "core/base/container_of.h"
#include "core/base/decimal.h"

#include <string.h>

static size_t room_for(const struct log_field *field)
{
	return strlen(" =") + strlen(field->name) + (field->text ? strlen(field->text) : DECIMAL_MAX);
}

/* Returns where the line ends then. */
static char *add_field(char *end, const struct log_field *field)
{
	if (field->text && !*field->text)
		return end;
	end = stpcpy(stpcpy(stpcpy(end, " "), field->name), "=");
	if (field->text)
		return stpcpy(end, field->text);
	return end + decimal_format(field->number, end);
}

static void write_line(struct logger *port, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	static const char *const level_names[] = {"debug", "info", "warn", "error"};
	struct memory_logger *logger = container_of(port, struct memory_logger, logger);
	size_t size = strlen(level_names[level]) + strlen(" ") + strlen(message) + 1;
	char *line, *end;

	for (size_t i = 0; i < count; i++)
		size += room_for(&fields[i]);
	line = arena_reserve(logger->arena, size);
	end = stpcpy(stpcpy(stpcpy(line, level_names[level]), " "), message);
	for (size_t i = 0; i < count; i++)
		end = add_field(end, &fields[i]);
	*end = '\0';
	logger->lines = arena_grow(logger->arena, logger->lines, logger->count, sizeof *logger->lines);
	logger->lines[logger->count++] = line;
}

void memory_logger_init(struct memory_logger *logger)
{
	*logger = (struct memory_logger){{.level = LOG_DEBUG, .write = write_line}, arena_new(4096), NULL, 0};
}

void memory_logger_release(struct memory_logger *logger)
{
	arena_free(&logger->arena);
	logger->lines = NULL;
	logger->count = 0;
}

size_t memory_logger_count(const struct memory_logger *logger, const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < logger->count; i++)
		count += strstr(logger->lines[i], text) != NULL;
	return count;
}
