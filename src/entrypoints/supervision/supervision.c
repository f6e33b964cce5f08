/* Reads the status about once a second, and sends the service manager what changed. */
#include "entrypoints/supervision/supervision.h"

#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/supervision/notify_socket.h"
#include "entrypoints/supervision/standstill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS     1000
#define LOOK_MS_MIN 10

/* A worker that works is ready within moments, unless something keeps it from being ready. */
#define SETTLING_MS      5000
#define SETTLING_LOOK_MS 50

/* systemd takes datagrams of up to 4096 bytes. */
#define STATUS_LINE_MAX 2048

/* A start takes at most that much longer from now on. */
#define EXTENSION "EXTEND_TIMEOUT_USEC=30000000\n"

/* What was sent to the manager. */
struct sent {
	bool is_ready, is_stopping, is_fed;
	int64_t fed_ms; /* if is_fed: when WATCHDOG=1 was sent last */
	char status[STATUS_LINE_MAX];
};

struct supervision {
	struct clock *clock;
	struct timer *timer;
	struct sampler *sampler;
	struct logger *logger;
	struct notify_socket socket;
	int64_t watchdog_ms; /* 0: no watchdog */
	int64_t look_ms;
	int64_t works_since_ms; /* 0: it does not work yet */
	struct standstill standstill;
	struct sent sent;
	bool is_stuck, has_failed; /* these are logged once */
};

/* ---- what to send ---- */

/* The state and the worst trouble, such as "not ready: redis-unreachable: …". */
static const char *status_line(const struct status *status, struct arena *arena)
{
	static const char *const states[] = {
		[STATE_STARTING] = "starting",   [STATE_HEALTHY] = "healthy",   [STATE_DEGRADED] = "degraded",
		[STATE_NOT_READY] = "not ready", [STATE_STOPPING] = "stopping",
	};
	const char *line = states[status->state];
	int others = -1;

	if (status->state == STATE_STARTING && *status->awaited)
		return utf8_printable(arena, arena_printf(arena, "starting, %s", status->awaited));
	for (int code = 0; code < TROUBLE_CODES; code++) {
		const struct trouble *trouble = &status->troubles.by_code[code];

		if (trouble->is_open && ++others == 0)
			line = arena_printf(arena, "%s: %s: %s", line, trouble_kinds[code].code,
					    trouble_line(trouble, arena));
	}
	if (others > 0)
		line = arena_printf(arena, "%s (%d more in `allocd status`)", line, others);
	return utf8_printable(arena, line);
}

static bool is_ready(const struct supervision *supervision, const struct status *status, int64_t now_ms)
{
	return status->state == STATE_HEALTHY || status->state == STATE_DEGRADED ||
	       (status->state == STATE_NOT_READY && now_ms - supervision->works_since_ms >= SETTLING_MS);
}

/* WATCHDOG=1 is sent twice in the watchdog's time. */
static bool must_feed(const struct supervision *supervision, int64_t now_ms)
{
	return supervision->watchdog_ms && !supervision->is_stuck &&
	       (!supervision->sent.is_fed ||
		now_ms - supervision->sent.fed_ms + supervision->look_ms > supervision->watchdog_ms / 2);
}

/* Returns the lines to send, or "", and in *then what the manager has received afterwards. */
static const char *news(const struct supervision *supervision, const struct status *status, struct sent *then,
			struct arena *arena)
{
	const char *text = status->state == STATE_STARTING ? EXTENSION : "";
	int64_t now_ms = supervision->clock->ops->now_ms(supervision->clock);

	*then = supervision->sent;
	then->is_ready |= is_ready(supervision, status, now_ms);
	then->is_stopping = status->state == STATE_STOPPING;
	utf8_format(then->status, sizeof then->status, "%s", status_line(status, arena));
	if (then->is_ready != supervision->sent.is_ready)
		text = arena_printf(arena, "%sREADY=1\n", text);
	if (then->is_stopping != supervision->sent.is_stopping)
		text = arena_printf(arena, "%sSTOPPING=1\n", text);
	if (strcmp(then->status, supervision->sent.status) != 0)
		text = arena_printf(arena, "%sSTATUS=%s\n", text, then->status);
	if (status->state != STATE_STARTING && must_feed(supervision, now_ms)) {
		then->is_fed = true;
		then->fed_ms = now_ms;
		text = arena_printf(arena, "%sWATCHDOG=1\n", text);
	}
	return text;
}

/* ---- sending ---- */

/* From then on the watchdog is not fed any more, even if work is done in the last moment. */
static void look_for_standstill(struct supervision *supervision, const struct status *status)
{
	if (!supervision->watchdog_ms || supervision->is_stuck ||
	    !standstill_is_long(&supervision->standstill, status,
				supervision->clock->ops->now_ms(supervision->clock)))
		return;
	supervision->is_stuck = true;
	LOG(supervision->logger, LOG_ERROR,
	    "work stands still for no known cause, so the service manager's watchdog will end this worker",
	    LOG_NUMBER("messages", status->doing.waiting),
	    LOG_NUMBER("unpublished", status->outputs.unpublished), LOG_NUMBER("after_ms", STANDSTILL_MS));
}

static void log_failure(struct supervision *supervision)
{
	if (!supervision->has_failed)
		LOG(supervision->logger, LOG_WARN, "the service manager cannot be notified (NOTIFY_SOCKET)",
		    LOG_TEXT("error", strerror(errno)));
	supervision->has_failed = true;
}

static void look_again(struct supervision *supervision, const struct status *status)
{
	bool is_settling = !supervision->sent.is_ready && status->state == STATE_NOT_READY;

	supervision->clock->ops->timer_set(supervision->timer,
					   is_settling && SETTLING_LOOK_MS < supervision->look_ms
						   ? SETTLING_LOOK_MS
						   : supervision->look_ms);
}

void supervision_update(struct supervision *supervision)
{
	const struct status *status;
	struct arena *arena;
	struct sent then;
	const char *text;

	if (!supervision)
		return;
	arena = arena_new(4096);
	status = sampler_status(supervision->sampler);
	if (!supervision->works_since_ms && status->state != STATE_STARTING)
		supervision->works_since_ms = supervision->clock->ops->now_ms(supervision->clock);
	look_for_standstill(supervision, status);
	text = news(supervision, status, &then, arena);
	if (*text) {
		if (notify_socket_send(&supervision->socket, text))
			supervision->sent = then;
		else
			log_failure(supervision);
	}
	look_again(supervision, status);
	arena_free(&arena);
}

static void on_look(void *context)
{
	supervision_update(context);
}

/* ---- its life ---- */

/* 0: no watchdog, or that of another process. */
static int64_t watchdog_ms_of_environment(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoll(usec, NULL, 10) / 1000;
}

static int64_t look_ms(int64_t watchdog_ms)
{
	if (watchdog_ms <= 0 || watchdog_ms / 4 > LOOK_MS)
		return LOOK_MS;
	return watchdog_ms / 4 > LOOK_MS_MIN ? watchdog_ms / 4 : LOOK_MS_MIN;
}

struct supervision *supervision_new(struct clock *clock, struct sampler *sampler, struct logger *logger)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct supervision *supervision;

	if (!name || !*name)
		return NULL;
	supervision = must_alloc(sizeof *supervision);
	supervision->clock = clock;
	supervision->sampler = sampler;
	supervision->logger = logger;
	if (!notify_socket_open(&supervision->socket, name)) {
		log_failure(supervision);
		free(supervision);
		return NULL;
	}
	supervision->watchdog_ms = watchdog_ms_of_environment();
	supervision->look_ms = look_ms(supervision->watchdog_ms);
	supervision->timer = clock->ops->timer_new(clock, on_look, supervision);
	clock->ops->timer_set(supervision->timer, 0);
	return supervision;
}

void supervision_free(struct supervision **place)
{
	struct supervision *supervision = *place;

	if (!supervision)
		return;
	supervision->clock->ops->timer_free(&supervision->timer);
	notify_socket_close(&supervision->socket);
	free(supervision);
	*place = NULL;
}
