/* Sets up the process, the log and the codec of a program of this project, and checks its settings. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_SETUP_H
#define ALLOCD_ENTRYPOINTS_MAIN_SETUP_H

#include "bus/ports/codec.h"
#include "bus/ports/logger.h"
#include "entrypoints/config/config.h"

/*
 * Opens the standard descriptors where they are closed, raises the limit on descriptors and sets the key of
 * the hash tables.  False: the process cannot be used.
 */
bool setup_process(void);

/*
 * Checks the settings that only an adapter can check, and that a few file descriptors are free.  `uses` is
 * the command's (see commands.h): files that only others open are not checked.
 */
void setup_check(const struct config *config, unsigned uses, struct faults *faults);

/* Logs to standard error as configured, libevent's messages included. */
struct logger *setup_logger_new(const struct config *config);

/* Nulls *logger, which must not be NULL. */
void setup_logger_free(struct logger **logger);

/* Makes a codec that encodes events as configured; released by codec_free(). */
struct codec *setup_codec_new(const struct config *config);

#endif
