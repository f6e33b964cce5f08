/* Keeps the lines of the log as texts in an arena. */
#include "adapters/memory/ports/logger.h"

#include "core/base/container_of.h"

#include <inttypes.h>
#include <string.h>

static char *with_field(struct arena *arena, char *line, const struct log_field *field)
{
	if (field->text && !*field->text)
		return line;
	if (field->text)
		return arena_printf(arena, "%s %s=%s", line, field->name, field->text);
	return arena_printf(arena, "%s %s=%" PRId64, line, field->name, field->number);
}

static void write_line(struct logger *port, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	static const char *const level_names[] = {"debug", "info", "warn", "error"};
	struct memory_logger *logger = container_of(port, struct memory_logger, logger);
	char *line = arena_printf(logger->arena, "%s %s", level_names[level], message);

	for (size_t i = 0; i < count; i++)
		line = with_field(logger->arena, line, &fields[i]);
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
