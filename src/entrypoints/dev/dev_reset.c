/* Resets the installation. */
#include "entrypoints/dev/dev_reset.h"

#include "entrypoints/cli/print.h"

#include <signal.h>

#define TERMINATE_MS 5000
#define EMPTY_MS     30000

/* The tables that the migrations made, and not those that the user of allocd-dev made. */
#define WORKERS_TABLES                                                                                       \
	"select relname, pg_relation_size(oid) > 16777216"                                                   \
	" and not exists (select from pg_constraint where confrelid = pg_class.oid) as is_truncated"         \
	" from pg_class"                                                                                     \
	" where relnamespace = 'public'::regnamespace and relkind = 'r'"                                     \
	" and relowner = '" DEV_WORKER "'::regrole"

/* An installation that was kept (--keep) has the copies that its first run made. */
static const char copy_first_rows[] =
	"do $$\n"
	"declare\n"
	"	t record;\n"
	"	has_rows boolean;\n"
	"begin\n"
	"	if to_regnamespace('allocd_dev') is not null then\n"
	"		return;\n"
	"	end if;\n"
	"	create schema allocd_dev;\n"
	"	for t in " WORKERS_TABLES " loop\n"
	"		execute format('select exists (select from public.%I)', t.relname) into has_rows;\n"
	"		if has_rows then\n"
	"			execute format('create table allocd_dev.%1$I as table public.%1$I', t.relname);\n"
	"		end if;\n"
	"	end loop;\n"
	"end $$";

static const char note_installation[] =
	"update allocd_dev.installation first set prefix = i.prefix, streams = i.streams from public.installation i";

/* A session of a worker that was killed may still commit a transaction. */
static const char terminate_worker[] = "select count(pg_terminate_backend(pid)) from pg_stat_activity"
				       " where usename = '" DEV_WORKER "'";

/*
 * To delete from a small table takes less time than to truncate it, and waits for no reader.  A table that
 * another one refers to cannot be truncated alone, and the other may belong to a test.  Neither triggers nor
 * foreign keys apply, because every table gets its first rows.
 */
static const char empty_tables[] =
	"do $$\n"
	"declare\n"
	"	t record;\n"
	"begin\n"
	"	if (select max(number) from migrations) <> (select max(number) from allocd_dev.migrations) then\n"
	"		raise exception 'the data was made by another version of allocd: remove its directory';\n"
	"	end if;\n"
	"	perform set_config('session_replication_role', 'replica', true), set_config('lock_timeout', '2s', true);\n"
	"	for t in " WORKERS_TABLES " and relname <> 'migrations' loop\n"
	"		execute format(\n"
	"			case when t.is_truncated then 'truncate public.%I' else 'delete from public.%I' end,\n"
	"			t.relname\n"
	"		);\n"
	"	end loop;\n"
	"	for t in\n"
	"		select relname from pg_class\n"
	"		where relnamespace = 'allocd_dev'::regnamespace and relkind = 'r' and relname <> 'migrations'\n"
	"	loop\n"
	"		execute format(\n"
	"			'insert into public.%1$I overriding system value select * from allocd_dev.%1$I',\n"
	"			t.relname\n"
	"		);\n"
	"	end loop;\n"
	"	update installation set incarnation = default;\n"
	"	perform setval(seqrelid, seqstart, false)\n"
	"	from pg_sequence s\n"
	"	join pg_class c on c.oid = s.seqrelid\n"
	"	where relnamespace = 'public'::regnamespace and relowner = '" DEV_WORKER "'::regrole;\n"
	"end $$";

bool dev_reset_prepare(struct dev_servers *servers)
{
	struct blocking_client *client = &servers->postgres.client;

	if (dev_postgres_connect(&servers->postgres) && blocking_client_execute(client, copy_first_rows))
		return true;
	print_error("postgres: %s", client->text);
	return false;
}

bool dev_reset_note_installation(struct dev_servers *servers)
{
	struct blocking_client *client = &servers->postgres.client;

	blocking_client_set_deadline(client, EMPTY_MS);
	if (blocking_client_execute(client, note_installation))
		return true;
	print_error("postgres: %s", client->text);
	return false;
}

/* Returns how many sessions were still there; -1: Postgres cannot be asked. */
static int64_t terminate_sessions(struct blocking_client *client)
{
	PGresult *answer = blocking_client_query(client, terminate_worker, 0, NULL);
	int64_t count = answer ? blocking_client_number(answer, 0, 0) : -1;

	PQclear(answer);
	return count;
}

/* A test may have ended this program's own session: then it is opened again. */
static bool end_sessions(struct dev_postgres *postgres, const struct dev_wait *wait)
{
	struct blocking_client *client = &postgres->client;
	int64_t count = terminate_sessions(client);

	if (count < 0 && dev_postgres_connect(postgres))
		count = terminate_sessions(client);
	while (count > 0) {
		if (!dev_wait_pause(wait, 1))
			return blocking_client_fail(client, "the worker's sessions do not end");
		count = terminate_sessions(client);
	}
	return count == 0;
}

static bool empty_postgres(struct dev_postgres *postgres, int link, struct arena *arena, const char **error)
{
	struct blocking_client *client = &postgres->client;
	struct dev_wait wait = dev_wait_for(link, TERMINATE_MS);

	if (end_sessions(postgres, &wait) && blocking_client_execute(client, empty_tables))
		return true;
	*error = arena_printf(arena, "Postgres: %s", client->text);
	return false;
}

static bool empty_redis(const struct dev_redis *redis, struct arena *arena, const char **error)
{
	const char *reason;

	if (dev_redis_empty(redis, arena, &reason))
		return true;
	*error = arena_printf(arena, "Redis: %s", reason);
	return false;
}

/*
 * The worker's sessions end while the system takes back its memory, and Redis is emptied before they have
 * ended: each of these takes some milliseconds.
 */
static bool empty(struct dev_servers *servers, struct dev_process *worker, int link, struct arena *arena,
		  const char **error)
{
	bool is_empty;

	if (!dev_process_is_over(worker))
		kill(-worker->pid, SIGKILL);
	blocking_client_set_deadline(&servers->postgres.client, EMPTY_MS);
	terminate_sessions(&servers->postgres.client);
	dev_process_stop(worker, SIGKILL, 0);
	is_empty = empty_redis(&servers->redis, arena, error);
	return empty_postgres(&servers->postgres, link, arena, error) && is_empty;
}

bool dev_reset(struct dev_servers *servers, const struct dev_site *site, struct arena *arena,
	       const char **error)
{
	struct dev_process old = servers->worker.process;
	bool is_loaded = dev_worker_load(&servers->worker, site);
	bool is_empty = empty(servers, &old, site->link, arena, error);

	if (is_loaded && dev_worker_go(&servers->worker, site) && dev_worker_await(&servers->worker, site))
		return is_empty;
	*error = "the worker does not start again";
	return false;
}
