/* A private Postgres, on a socket in the scratch directory. */
#include "entrypoints/dev_servers/dev_postgres.h"

#include "entrypoints/cli/print.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DATABASE "allocd"
#define OWNER    "allocd"

/* It names the socket.  Without it, a PGPORT in the environment would. */
#define PORT "5432"

#define START_STEP_MS 10
#define STOP_MS       10000
#define CONNECT_MS    5000

/* Ends a statement before the client gives up (EMPTY_MS), so that none is committed after that. */
#define STATEMENT_TIMEOUT "20s"

/* ---- the cluster ---- */

static bool has_cluster(const struct dev_postgres *postgres, const struct dev_site *site)
{
	return access(arena_printf(site->arena, "%s/PG_VERSION", postgres->folder), F_OK) == 0;
}

/*
 * initdb writes PG_VERSION first: so it works in a folder of another name, which is renamed at the end.  What
 * it left there when an earlier run was ended is removed, so nothing else may have that name.
 */
#define UNFINISHED "allocd-dev-initdb"

static const char *new_folder(const struct dev_site *site)
{
	return arena_printf(site->arena, "%s/" UNFINISHED, dev_site_data(site));
}

/* Programs of Postgres look for each other beside the path in argv[0], or in PATH if it is a bare name. */
static bool make_cluster(struct dev_postgres *postgres, const struct dev_site *site)
{
	const char *const arguments[] = {site->programs.initdb,
					 "--pgdata",
					 new_folder(site),
					 "--username",
					 OWNER,
					 "--auth=trust",
					 "--encoding=UTF8",
					 "--locale=C.UTF-8",
					 "--no-sync",
					 "--no-instructions",
					 NULL};
	const char *folder;

	postgres->process.name = "initdb";
	dev_folder_remove(new_folder(site));
	folder = dev_folder_make(dev_site_data(site), UNFINISHED, &site->user, site->arena);
	return folder &&
	       dev_process_start(&postgres->process, &(struct dev_program){.path = site->programs.initdb,
									   .arguments = arguments,
									   .environment = site->environment,
									   .user = &site->user,
									   .folder = folder,
									   .death_signal = SIGKILL});
}

static const char *url_of(const char *user, const struct dev_site *site)
{
	return arena_printf(site->arena, "postgresql:///" DATABASE "?host=%s/socket&port=" PORT "&user=%s",
			    site->directory.scratch, user);
}

bool dev_postgres_begin(struct dev_postgres *postgres, const struct dev_site *site)
{
	*postgres = (struct dev_postgres){.process = {.name = "postgres"}};
	postgres->folder = arena_printf(site->arena, "%s/cluster", dev_site_data(site));
	postgres->process.log = arena_printf(site->arena, "%s/postgres.log", dev_site_data(site));
	postgres->url = url_of(OWNER, site);
	postgres->worker_url = url_of(DEV_WORKER, site);
	postgres->sockets = dev_folder_make(site->directory.scratch, "socket", &site->user, site->arena);
	return postgres->sockets && (has_cluster(postgres, site) || make_cluster(postgres, site));
}

static bool finish_cluster(struct dev_postgres *postgres, const struct dev_site *site,
			   const struct dev_wait *wait)
{
	if (has_cluster(postgres, site))
		return true;
	if (!dev_process_succeeds(&postgres->process, wait))
		return false;
	if (rename(new_folder(site), postgres->folder) == 0)
		return true;
	print_error("cannot rename %s to %s", new_folder(site), postgres->folder);
	return false;
}

/* ---- the server ---- */

/*
 * Where nothing is kept, nothing is made durable, and nothing runs in the background that is of use only
 * after hours.
 */
static bool start_server(struct dev_postgres *postgres, const struct dev_site *site)
{
	const char *sync = site->directory.kept ? "fsync=on" : "fsync=off";
	const char *const arguments[] = {
		site->programs.postgres,
		"-D",
		postgres->folder,
		"-c",
		"listen_addresses=",
		"-p",
		PORT,
		"-c",
		arena_printf(site->arena, "unix_socket_directories=%s", postgres->sockets),
		"-c",
		"unix_socket_permissions=0700",
		"-c",
		sync,
		"-c",
		"shared_buffers=32MB",
		"-c",
		"jit=off",
		"-c",
		"max_connections=200",
		"-c",
		"wal_level=minimal",
		"-c",
		"max_wal_senders=0",
		NULL};

	postgres->process.name = "postgres";
	return dev_process_start(&postgres->process, &(struct dev_program){.path = site->programs.postgres,
									   .arguments = arguments,
									   .environment = site->environment,
									   .user = &site->user,
									   .folder = postgres->folder,
									   .death_signal = SIGQUIT});
}

static PGconn *connect_to(const struct dev_postgres *postgres, const char *database)
{
	const char *const keys[] = {"host", "port", "dbname", "user", "connect_timeout", "options", NULL};
	const char *const values[] = {postgres->sockets,          PORT, database, OWNER, "5",
				      "-c statement_timeout=30s", NULL};

	return PQconnectdbParams(keys, values, 0);
}

static PGconn *await_server(struct dev_postgres *postgres, const struct dev_wait *wait)
{
	for (;;) {
		PGconn *pg = connect_to(postgres, "postgres");

		if (PQstatus(pg) == CONNECTION_OK)
			return pg;
		if (dev_process_is_over(&postgres->process))
			dev_process_report_end(&postgres->process);
		else if (dev_wait_pause(wait, START_STEP_MS)) {
			PQfinish(pg);
			continue;
		} else if (!dev_wait_is_in_vain(wait)) {
			print_error("postgres does not start: %s", PQerrorMessage(pg));
		}
		PQfinish(pg);
		return NULL;
	}
}

static bool execute(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	bool done = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;

	if (!done)
		print_error("postgres: %s", PQresultErrorMessage(result));
	PQclear(result);
	return done;
}

static bool has_row(PGconn *pg, const char *sql)
{
	PGresult *found = PQexec(pg, sql);
	bool has = PQntuples(found) > 0;

	PQclear(found);
	return has;
}

/* An earlier run that was ended in between has made the first one alone. */
static bool make_role_and_database(PGconn *pg)
{
	return (has_row(pg, "select from pg_roles where rolname = '" DEV_WORKER "'") ||
		execute(pg, "create role " DEV_WORKER " superuser login")) &&
	       (has_row(pg, "select from pg_database where datname = '" DATABASE "'") ||
		execute(pg, "create database " DATABASE));
}

bool dev_postgres_start(struct dev_postgres *postgres, const struct dev_site *site)
{
	struct dev_wait wait = dev_wait_for(site->link, DEV_START_MS);
	PGconn *pg;
	bool done;

	if (!finish_cluster(postgres, site, &wait) || !start_server(postgres, site))
		return false;
	pg = await_server(postgres, &wait);
	done = pg && make_role_and_database(pg);
	PQfinish(pg);
	return done;
}

bool dev_postgres_connect(struct dev_postgres *postgres)
{
	const struct url_source url = {.read = url_read_text, .context = (void *)(uintptr_t)postgres->url};

	blocking_client_close(&postgres->client);
	return blocking_client_connect(&postgres->client, &url, CLIENT_WRITES, CONNECT_MS) &&
	       blocking_client_execute(&postgres->client, "set statement_timeout = '" STATEMENT_TIMEOUT "'");
}

/* SIGINT ends it in order, SIGQUIT at once. */
void dev_postgres_stop(struct dev_postgres *postgres, bool is_kept)
{
	blocking_client_close(&postgres->client);
	dev_process_stop(&postgres->process, is_kept ? SIGINT : SIGQUIT, STOP_MS);
}
