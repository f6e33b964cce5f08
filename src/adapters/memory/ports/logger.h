/* The logger port in memory: it keeps the lines for tests to read. */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_LOGGER_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_LOGGER_H

#include "bus/ports/logger.h"
#include "core/base/arena.h"

struct memory_logger {
	struct logger logger;
	struct arena *arena;
	char **lines; /* "warn message rejected channel=allocate attempts=2" */
	size_t count;
};

void memory_logger_init(struct memory_logger *logger);
void memory_logger_release(struct memory_logger *logger);

/* The number of lines that contain `text`. */
size_t memory_logger_count(const struct memory_logger *logger, const char *text);

#endif
