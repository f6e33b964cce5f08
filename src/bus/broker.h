/*
 * Port: where events go.
 */
#ifndef ALLOCD_BUS_BROKER_H
#define ALLOCD_BUS_BROKER_H

#include "bus/failure.h"
#include "core/bytes.h"
#include "core/message.h"

#include <stdbool.h>

/* An event as it goes out: encoded once, when it was decided. */
struct outgoing {
	enum message_type type;
	struct bytes payload;
};

/*
 * `failure` is NULL when the broker took them all; else any number of them, from the first on, may have gone
 * out.
 */
typedef void publish_done(void *context, const struct failure *failure);

struct broker {
	const struct broker_ops *ops;
};

struct broker_ops {
	/*
	 * Publishes the events in their order.  What is given lives until `done`, which is called exactly
	 * once and never before publish returns.  Several calls may be under way; they go out and are
	 * answered in the order of the calls. When the broker is not reachable the answer is FAILURE_RETRY,
	 * within a bounded time.
	 */
	void (*publish)(struct broker *broker, const struct outgoing *events, size_t count,
			publish_done *done, void *context);

	/* Whether publish has a chance now. */
	bool (*is_up)(const struct broker *broker);
};

#endif
