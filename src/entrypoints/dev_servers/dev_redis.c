/* A private Redis, at a port of 127.0.0.1. */
#include "entrypoints/dev_servers/dev_redis.h"

#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/tools/redis_client.h"
#include "adapters/system/random.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/dev_servers/dev_port.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define START_STEP_MS 5
#define STOP_MS       10000

/* By its user the worker's connections are known from others. */
#define WORKER "worker"

/* The password keeps other users of this machine away.  Of a URL without a user redis-cli makes a user "". */
static const char *make_configuration(struct dev_redis *redis, const char *port, struct arena *arena)
{
	const char *password = random_name(system_random(), arena);

	redis->url = arena_printf(arena, "redis://default:%s@127.0.0.1:%s/0", password, port);
	redis->worker_url = arena_printf(arena, "redis://" WORKER ":%s@127.0.0.1:%s/0", password, port);
	return arena_printf(arena,
			    "user default on >%s ~* &* +@all\n"
			    "user " WORKER " on >%s ~* &* +@all\n",
			    password, password);
}

bool dev_redis_begin(struct dev_redis *redis, const struct dev_site *site)
{
	uint16_t number = dev_port_reserve(0);
	const char *port = arena_printf(site->arena, "%u", number);
	const char *folder = dev_folder_make(dev_site_data(site), "redis", &site->user, site->arena);
	const char *const arguments[] = {"redis-server",
					 "-", /* reads its configuration, which every user could read here */
					 "--bind",
					 "127.0.0.1",
					 "--port",
					 port,
					 "--dir",
					 folder,
					 "--save",
					 "",
					 "--appendonly",
					 site->directory.kept ? "yes" : "no",
					 NULL};
	const char *configuration;

	*redis = (struct dev_redis){.process = {.name = "redis-server"}};
	if (!number) {
		print_error("found no free port for Redis: %s", strerror(errno));
		return false;
	}
	configuration = make_configuration(redis, port, site->arena);
	redis->process.log = arena_printf(site->arena, "%s/redis.log", dev_site_data(site));
	return folder &&
	       dev_process_start(&redis->process, &(struct dev_program){.path = site->programs.redis,
									.arguments = arguments,
									.environment = site->environment,
									.user = &site->user,
									.folder = folder,
									.input = configuration,
									.death_signal = SIGKILL});
}

static struct redis_client *connect_to(const struct dev_redis *redis, char error[REDIS_TROUBLE_MAX])
{
	const struct url_source url = {.read = url_read_text, .context = (void *)(uintptr_t)redis->url};

	return redis_client_connect(&url, "", system_random(), error);
}

bool dev_redis_await(struct dev_redis *redis, const struct dev_site *site)
{
	struct dev_wait wait = dev_wait_for(site->link, DEV_START_MS);
	char error[REDIS_TROUBLE_MAX];
	struct redis_client *client;

	while (!(client = connect_to(redis, error))) {
		if (dev_process_is_over(&redis->process)) {
			dev_process_report_end(&redis->process);
			return false;
		}
		if (!dev_wait_pause(&wait, START_STEP_MS)) {
			if (!dev_wait_is_in_vain(&wait))
				print_error("redis-server does not start: %s", error);
			return false;
		}
	}
	redis_client_close(&client);
	return true;
}

bool dev_redis_empty(const struct dev_redis *redis, struct arena *arena, const char **error)
{
	static const char flush[] = "return redis.call('FLUSHALL').ok";
	const struct bytes kill[] = {bytes_of("CLIENT"), bytes_of("KILL"), bytes_of("USER"),
				     bytes_of(WORKER)};
	const struct bytes empty[] = {bytes_of("EVAL"), bytes_of(flush), bytes_of("0")};
	char *text = arena_alloc(arena, REDIS_TROUBLE_MAX);
	struct redis_client *client = connect_to(redis, text);
	int64_t number;
	const char *ok;
	bool done = client && redis_client_number(client, kill, 4, &number, text) &&
		    redis_client_text(client, empty, 3, arena, &ok, text);

	redis_client_close(&client);
	*error = text;
	return done;
}

void dev_redis_stop(struct dev_redis *redis, bool is_kept)
{
	dev_process_stop(&redis->process, is_kept ? SIGTERM : SIGKILL, STOP_MS);
}
