/* The process that the user started: it runs COMMAND, or shows the addresses and waits. */
#ifndef ALLOCD_ENTRYPOINTS_DEV_DEV_FRONT_H
#define ALLOCD_ENTRYPOINTS_DEV_DEV_FRONT_H

#include "entrypoints/cli/commands.h"
#include "entrypoints/dev_servers/dev_site.h"

struct dev_front_options {
	const char *const *command; /* ended by NULL; or NULL, without a COMMAND */
	bool is_json;
	int64_t timeout_ms; /* from when all is up; 0: none */
	uint16_t http_port; /* 0: any */
};

/* Returns the status to exit with: COMMAND's own, as a shell gives it. */
int dev_front_run(struct dev_site *site, const struct dev_front_options *options);

#endif
