/* How a program of this project begins: its process, its settings, its log. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_SETUP_H
#define ALLOCD_ENTRYPOINTS_MAIN_SETUP_H

#include "bus/ports/codec.h"
#include "bus/ports/logger.h"
#include "entrypoints/config/config.h"

/*
 * Opens the standard descriptors where they are closed, raises the limit of descriptors and sets the key of
 * the hash tables.  False: the process cannot be used.
 */
bool setup_process(void);

/*
 * Checks what only an adapter knows about the settings, and that a few file descriptors are free.  False: one
 * line in *error, in `arena`, names the setting.
 */
bool setup_check(const struct config *config, struct arena *arena, const char **error);

/* Logs to standard error as configured, libevent's messages included. */
struct logger *setup_logger_new(const struct config *config);

/* Accepts a logger in *logger and nulls it. */
void setup_logger_free(struct logger **logger);

/* Writes events as configured.  For codec_free(). */
struct codec *setup_codec_new(const struct config *config);

#endif
