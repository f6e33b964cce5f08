/* Filters the messages that `allocd tail` prints. */
#ifndef ALLOCD_ENTRYPOINTS_ADMIN_TAIL_FILTER_H
#define ALLOCD_ENTRYPOINTS_ADMIN_TAIL_FILTER_H

#include "bus/ports/codec.h"
#include "entrypoints/cli/commands.h"

struct tail_filter {
	const struct invocation *invocation;
	struct codec *codec;
	bool is_on;           /* otherwise every message passes */
	int64_t from_version; /* of events; 0: any */
	int64_t since_s;      /* the age that --since gives, in seconds; -1: none */
};

/* False, with one line in *error, when --filter or --since is not valid. */
bool tail_filter_read(struct tail_filter *filter, const struct invocation *invocation, const char **error);
void tail_filter_release(struct tail_filter *filter);

bool tail_filter_passes(const struct tail_filter *filter, enum message_type type, struct bytes payload,
			struct arena *arena);

#endif
