/* The keeper: starts the servers, serves resets, and ends everything. */
#include "entrypoints/dev/dev_keeper.h"

#include "adapters/system/logger.h"
#include "core/base/must.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dev/dev_addresses.h"
#include "entrypoints/dev/dev_endpoint.h"
#include "entrypoints/dev/dev_reset.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct keeper {
	struct dev_site *site;
	struct dev_servers servers;
	struct event_base *base;
	struct system_logger logger;
	struct dev_endpoint *endpoint;
	enum exit_status status;
};

/* ---- the beginning ---- */

static void set_worker(struct keeper *keeper, uint16_t port)
{
	struct dev_site *site = keeper->site;
	struct dev_worker *worker = &keeper->servers.worker;
	const char *gate = arena_printf(site->arena, "%s/gate", site->directory.scratch);
	const struct dev_variable variables[] = {
		{"DATABASE_URL", NULL},
		{"DATABASE_URL_FILE", gate},
		{"REDIS_URL", keeper->servers.redis.worker_url},
		{"ALLOCD_HTTP", arena_printf(site->arena, "127.0.0.1:%u", port)},
	};

	*worker = (struct dev_worker){.gate = gate,
				      .database_url = keeper->servers.postgres.worker_url,
				      .http = {"127.0.0.1", port}};
	worker->environment = dev_environment(site->environment, variables,
					      sizeof variables / sizeof *variables, site->arena);
	if (site->is_quiet)
		worker->process.log = arena_printf(site->arena, "%s/allocd.log", dev_site_data(site));
}

/* Ends with the worker's own status where a setting is wrong. */
static bool start_worker(struct keeper *keeper)
{
	struct dev_worker *worker = &keeper->servers.worker;

	if (!dev_worker_prepare(worker))
		return false;
	if (!dev_worker_migrate(worker, keeper->site)) {
		keeper->status = (enum exit_status)dev_exit_status(worker->process.status);
		return false;
	}
	if (!dev_reset_prepare(&keeper->servers) || !dev_worker_load(worker, keeper->site) ||
	    !dev_worker_go(worker, keeper->site))
		return false;
	if (dev_worker_await(worker, keeper->site))
		return dev_reset_note_installation(&keeper->servers);
	if (dev_process_is_over(&worker->process)) {
		dev_process_report_end(&worker->process);
		keeper->status = (enum exit_status)dev_exit_status(worker->process.status);
	}
	return false;
}

/* Redis starts while initdb runs. */
static bool start(struct keeper *keeper, uint16_t port)
{
	struct dev_servers *servers = &keeper->servers;

	if (!dev_postgres_begin(&servers->postgres, keeper->site) ||
	    !dev_redis_begin(&servers->redis, keeper->site) ||
	    !dev_redis_await(&servers->redis, keeper->site) ||
	    !dev_postgres_start(&servers->postgres, keeper->site))
		return false;
	set_worker(keeper, port);
	return start_worker(keeper);
}

static bool send_addresses(const struct keeper *keeper)
{
	const struct dev_servers *servers = &keeper->servers;
	struct dev_addresses at = {0};

	snprintf(at.database_url, sizeof at.database_url, "%s", servers->postgres.url);
	snprintf(at.redis_url, sizeof at.redis_url, "%s", servers->redis.url);
	snprintf(at.http, sizeof at.http, "127.0.0.1:%u", servers->worker.http.port);
	snprintf(at.dev_url, sizeof at.dev_url, "http://127.0.0.1:%u", dev_endpoint_port(keeper->endpoint));
	return write(keeper->site->link, &at, sizeof at) == sizeof at;
}

/* ---- what happens meanwhile ---- */

static bool reset(void *context, struct arena *arena, const char **error)
{
	struct keeper *keeper = context;

	return dev_reset(&keeper->servers, keeper->site, arena, error);
}

/* A server that ends by itself ends everything. */
static void on_sigchld(evutil_socket_t number, short what, void *context)
{
	struct keeper *keeper = context;
	struct dev_process *const processes[] = {&keeper->servers.postgres.process,
						 &keeper->servers.redis.process,
						 &keeper->servers.worker.process};

	(void)number, (void)what;
	for (size_t i = 0; i < sizeof processes / sizeof *processes; i++) {
		if (keeper->status != STATUS_DONE || !dev_process_is_over(processes[i]))
			continue;
		dev_process_report_end(processes[i]);
		keeper->status = STATUS_FAILED;
		event_base_loopexit(keeper->base, NULL);
	}
}

static void on_closed(evutil_socket_t link, short what, void *context)
{
	struct keeper *keeper = context;

	(void)link, (void)what;
	event_base_loopexit(keeper->base, NULL);
}

static void serve(struct keeper *keeper)
{
	struct event *closed, *ended;

	closed = must(event_new(keeper->base, keeper->site->link, EV_READ, on_closed, keeper));
	ended = must(evsignal_new(keeper->base, SIGCHLD, on_sigchld, keeper));
	event_add(closed, NULL);
	event_add(ended, NULL);
	keeper->status = STATUS_DONE;
	if (send_addresses(keeper))
		event_base_dispatch(keeper->base);
	event_free(closed);
	event_free(ended);
}

/* ---- the end ---- */

static void stop(struct keeper *keeper)
{
	bool is_kept = keeper->site->directory.kept;

	dev_worker_stop(&keeper->servers.worker);
	dev_redis_stop(&keeper->servers.redis, is_kept);
	dev_postgres_stop(&keeper->servers.postgres, is_kept);
	dev_directory_remove(&keeper->site->directory);
}

enum exit_status dev_keeper_run(struct dev_site *site, uint16_t http_port)
{
	struct keeper keeper = {.site = site, .status = STATUS_FAILED};

	system_logger_init(&keeper.logger, STDERR_FILENO, LOG_WARN, LOG_FORMAT_LOGFMT);
	keeper.base = must(event_base_new());
	keeper.endpoint = dev_endpoint_new(keeper.base, &keeper.logger.logger, reset, &keeper);
	if (keeper.endpoint && start(&keeper, http_port))
		serve(&keeper);
	dev_endpoint_free(&keeper.endpoint);
	event_base_free(keeper.base);
	stop(&keeper);
	system_logger_release(&keeper.logger);
	return keeper.status;
}
