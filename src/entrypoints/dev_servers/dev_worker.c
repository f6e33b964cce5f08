/* The worker: `allocd run`, as a child. */
#include "entrypoints/dev_servers/dev_worker.h"

#include "entrypoints/cli/print.h"
#include "entrypoints/status_command/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_STEP_MS 1
#define GATE_STEP_MS  1

/* The worker itself ends within 10 s. */
#define STOP_MS 12000

static bool start(struct dev_worker *worker, const struct dev_site *site, const char *const *arguments)
{
	return dev_process_start(&worker->process, &(struct dev_program){.path = site->programs.allocd,
									 .arguments = arguments,
									 .environment = worker->environment,
									 .death_signal = SIGKILL});
}

bool dev_worker_prepare(struct dev_worker *worker)
{
	if (mkfifo(worker->gate, 0600) == 0)
		return true;
	print_error("cannot make %s: %s", worker->gate, strerror(errno));
	return false;
}

/* The pipe can be opened once the worker has opened its end. */
static bool open_gate(struct dev_worker *worker, const struct dev_wait *wait)
{
	ssize_t length = (ssize_t)strlen(worker->database_url), written;
	int gate;

	while ((gate = open(worker->gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
		if (dev_process_is_over(&worker->process) || !dev_wait_pause(wait, GATE_STEP_MS))
			return false;
	}
	written = write(gate, worker->database_url, (size_t)length);
	close(gate);
	return written == length;
}

bool dev_worker_migrate(struct dev_worker *worker, const struct dev_site *site)
{
	static const char *const arguments[] = {"allocd", "migrate", NULL};
	struct dev_wait wait = dev_wait_for(site->link, DEV_START_MS);

	worker->process.name = "allocd migrate";
	if (!start(worker, site, arguments))
		return false;
	open_gate(worker, &wait);
	return dev_process_succeeds(&worker->process, &wait);
}

bool dev_worker_load(struct dev_worker *worker, const struct dev_site *site)
{
	static const char *const arguments[] = {"allocd", "run", "--no-migrate", NULL};

	worker->process.name = "allocd run";
	return start(worker, site, arguments);
}

bool dev_worker_go(struct dev_worker *worker, const struct dev_site *site)
{
	struct dev_wait wait = dev_wait_for(site->link, DEV_START_MS);

	if (!dev_process_is_over(&worker->process) && open_gate(worker, &wait))
		return true;
	return dev_process_is_over(&worker->process) && dev_worker_load(worker, site) &&
	       open_gate(worker, &wait);
}

static bool is_ready(const struct dev_worker *worker)
{
	struct http_reply reply = http_client_get(&worker->http, "/readyz", NULL);

	free(reply.body);
	return reply.status == 200;
}

bool dev_worker_await(struct dev_worker *worker, const struct dev_site *site)
{
	struct dev_wait wait = dev_wait_for(site->link, DEV_START_MS);

	while (!is_ready(worker)) {
		if (dev_process_is_over(&worker->process) || !dev_wait_pause(&wait, READY_STEP_MS))
			return false;
	}
	return true;
}

void dev_worker_stop(struct dev_worker *worker)
{
	dev_process_stop(&worker->process, SIGTERM, STOP_MS);
}
