/* Logs each notification, which always succeeds. */
#include "adapters/system/log_notifier.h"

#include "core/base/must.h"

#include <event2/event.h>

/* A notification that was logged and whose callback is due. */
struct answer {
	struct answer *next;
	notify_done *done;
	void *context;
};

struct log_notifier {
	struct notifier notifier;
	struct logger *logger;
	struct event *answering; /* fires after the call returned, never before */
	struct answer *first, **last;
};

static void notify(struct notifier *port, const struct notification *notification, notify_done *done,
		   void *context)
{
	static const struct timeval at_once = {0, 0};
	struct log_notifier *notifier = (struct log_notifier *)port;
	struct answer *answer = must_alloc(sizeof *answer);

	LOG(notifier->logger, LOG_WARN, "out of stock", LOG_TEXT("sku", notification->sku),
	    LOG_TEXT("orderid", notification->orderid), LOG_NUMBER("qty", notification->qty));
	*answer = (struct answer){NULL, done, context};
	*notifier->last = answer;
	notifier->last = &answer->next;
	evtimer_add(notifier->answering, &at_once);
}

static struct answer *pop(struct log_notifier *notifier)
{
	struct answer *answer = notifier->first;

	if (answer) {
		notifier->first = answer->next;
		if (!notifier->first)
			notifier->last = &notifier->first;
	}
	return answer;
}

static void on_answering(evutil_socket_t fd, short what, void *context)
{
	struct answer *answer;

	(void)fd;
	(void)what;
	while ((answer = pop(context))) {
		struct answer due = *answer;

		free(answer);
		due.done(due.context, NULL);
	}
}

struct notifier *log_notifier_new(struct event_base *base, struct logger *logger)
{
	static const struct notifier_ops ops = {notify};
	struct log_notifier *notifier = must_alloc(sizeof *notifier);

	notifier->notifier.ops = &ops;
	notifier->notifier.at_once = 1;
	notifier->logger = logger;
	notifier->last = &notifier->first;
	notifier->answering = must(evtimer_new(base, on_answering, notifier));
	return &notifier->notifier;
}

void log_notifier_free(struct notifier **port)
{
	struct log_notifier *notifier = (struct log_notifier *)*port;
	struct answer *answer;

	if (!notifier)
		return;
	while ((answer = pop(notifier)))
		free(answer);
	event_free(notifier->answering);
	free(notifier);
	*port = NULL;
}
