/* Signals that this worker has no use for. */
#include "entrypoints/main/unused_signals.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"

#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The shortest time between two lines about the same signal. */
#define LOG_EVERY_MS 60000

struct unused_signal {
	struct unused_signals *all;
	struct event *event;
	int64_t logged_ms; /* see monotonic_ms(); 0: never */
};

struct unused_signals {
	struct logger *logger;
	struct unused_signal signals[NSIG];
};

/* Signals that end a process by default, except those that ask it to end or report a fault of the program. */
static bool is_unused(int number)
{
	switch (number) {
	case SIGHUP:
	case SIGUSR1:
	case SIGUSR2:
	case SIGALRM:
	case SIGVTALRM:
	case SIGPROF:
	case SIGIO:
	case SIGPWR:
	case SIGSTKFLT:
	case SIGXFSZ: /* a log file has reached its size limit */
		return true;
	default:
		return number >= SIGRTMIN && number <= SIGRTMAX;
	}
}

static void name_signal(char name[16], int number)
{
	const char *known = sigabbrev_np(number);

	if (known)
		snprintf(name, 16, "SIG%s", known);
	else
		snprintf(name, 16, "SIGRTMIN+%d", number - SIGRTMIN);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct unused_signal *unused = context;
	char name[16];

	(void)what;
	if (unused->logged_ms && monotonic_ms() - unused->logged_ms < LOG_EVERY_MS)
		return;
	unused->logged_ms = monotonic_ms();
	name_signal(name, (int)number);
	LOG(unused->all->logger, LOG_INFO,
	    "signal ignored: SIGTERM stops the worker, and there is nothing to reload",
	    LOG_TEXT("signal", name));
}

void unused_signals_ignore(void)
{
	for (int number = 1; number < NSIG; number++) {
		if (is_unused(number))
			signal(number, SIG_IGN);
	}
}

struct unused_signals *unused_signals_new(struct event_base *base, struct logger *logger)
{
	struct unused_signals *all = must_alloc(sizeof *all);

	unused_signals_ignore();
	all->logger = logger;
	for (int number = 1; number < NSIG; number++) {
		all->signals[number].all = all;
		if (!is_unused(number))
			continue;
		/* Freeing the event restores the previous handler, which ignores the signal. */
		all->signals[number].event =
			must(evsignal_new(base, number, on_signal, &all->signals[number]));
		event_add(all->signals[number].event, NULL);
	}
	return all;
}

void unused_signals_free(struct unused_signals **place)
{
	struct unused_signals *all = *place;

	if (!all)
		return;
	for (int number = 1; number < NSIG; number++) {
		if (all->signals[number].event)
			event_free(all->signals[number].event);
	}
	free(all);
	*place = NULL;
}
