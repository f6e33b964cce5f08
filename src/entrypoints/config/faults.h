/* What is wrong with the settings: one line for each fault, which names the setting and what it accepts. */
#ifndef ALLOCD_ENTRYPOINTS_CONFIG_FAULTS_H
#define ALLOCD_ENTRYPOINTS_CONFIG_FAULTS_H

#include "core/base/arena.h"

#include <stddef.h>

struct faults {
	struct arena *arena;
	const char **texts; /* in `arena` */
	size_t count;
};

__attribute__((format(printf, 2, 3))) void faults_add(struct faults *faults, const char *format, ...);

#endif
