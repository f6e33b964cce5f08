/* `allocd tail`: prints events as they pass, one a line, until a signal ends it. */
#include "entrypoints/main/bootstrap.h"

#include "core/base/must.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>

/*
 * Prints only events while the connection works: log lines about it pass once a warning was among them, and
 * at the level debug.
 */
struct quiet_logger {
	struct logger logger;
	struct logger *inner;
	bool had_trouble;
};

static void write_when_due(struct logger *logger, enum log_level level, const char *message,
			   const struct log_field *fields, size_t count)
{
	struct quiet_logger *quiet = (struct quiet_logger *)logger;

	quiet->had_trouble |= level >= LOG_WARN;
	if (quiet->had_trouble || quiet->inner->level == LOG_DEBUG)
		quiet->inner->write(quiet->inner, level, message, fields, count);
}

static struct quiet_logger quiet_logger_on(struct logger *inner)
{
	return (struct quiet_logger){{inner->level, write_when_due}, inner, false};
}

struct session {
	const struct invocation *invocation;
	struct event_base *base;
	struct tail *tail;
	enum exit_status status;
};

/* Whoever reads it may be gone, as `head` goes when it has seen enough: that is no failure. */
static void end_for_want_of_output(struct session *session)
{
	int reason = errno;

	if (reason != EPIPE) {
		LOG(session->invocation->logger, LOG_ERROR, "cannot write to standard output",
		    LOG_TEXT("error", strerror(reason)));
		session->status = STATUS_FAILED;
	}
	event_base_loopexit(session->base, NULL);
}

static void on_heard(void *context, const char *name, const char *json)
{
	struct session *session = context;

	struct arena *arena = arena_new(4096);

	printf("%s %s\n", name, utf8_printable(arena, json));
	if (fflush(stdout) != 0)
		end_for_want_of_output(session);
	arena_free(&arena);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct session *session = context;

	(void)number;
	(void)what;
	event_base_loopexit(session->base, NULL);
}

static void on_start_waited(evutil_socket_t socket, short what, void *context)
{
	struct session *session = context;
	const char *trouble = tail_trouble(session->tail, session->invocation->arena);

	(void)socket;
	(void)what;
	if (!trouble)
		return;
	LOG(session->invocation->logger, LOG_ERROR, "Redis cannot be reached", LOG_TEXT("error", trouble));
	session->status = STATUS_UNAVAILABLE;
	event_base_loopexit(session->base, NULL);
}

enum exit_status command_tail(const struct invocation *invocation)
{
	const struct timeval start_wait = {.tv_sec = invocation->config.start_wait_s};
	struct quiet_logger quiet = quiet_logger_on(invocation->logger);
	struct session session = {.invocation = invocation, .base = must(event_base_new())};
	struct event *events[] = {
		must(evsignal_new(session.base, SIGTERM, on_signal, &session)),
		must(evsignal_new(session.base, SIGINT, on_signal, &session)),
		must(evtimer_new(session.base, on_start_waited, &session)),
	};

	event_add(events[0], NULL);
	event_add(events[1], NULL);
	event_add(events[2], &start_wait);
	session.tail = tail_new(session.base, &invocation->config, &quiet.logger, on_heard, &session);
	event_base_dispatch(session.base);
	tail_free(&session.tail);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		event_free(events[i]);
	event_base_free(session.base);
	return session.status;
}
