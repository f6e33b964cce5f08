/* Connects to Postgres and Redis once. */
#include "entrypoints/about/servers_check.h"

#include "adapters/postgres/tools/blocking_client.h"
#include "adapters/redis/tools/redis_client.h"
#include "adapters/system/random.h"
#include "entrypoints/main/server_urls.h"

#define CONNECT_MS 5000

static enum exit_status check_postgres(const struct config *config, struct faults *faults)
{
	struct url_source url = database_url(config);
	struct blocking_client client;
	enum exit_status status = STATUS_DONE;

	if (!blocking_client_connect(&client, &url, CLIENT_READS, CONNECT_MS)) {
		status = client.defect ? STATUS_CONFIGURATION : STATUS_UNAVAILABLE;
		faults_add(faults, "the database: %s", client.text);
	}
	blocking_client_close(&client);
	return status;
}

static enum exit_status check_redis(const struct config *config, struct faults *faults)
{
	struct url_source url = redis_url(config);
	char place[REDIS_ADDRESS_MAX], error[REDIS_TROUBLE_MAX];
	struct redis_client *client = redis_client_connect(&url, config->prefix, system_random(), error);

	if (client) {
		redis_client_close(&client);
		return STATUS_DONE;
	}
	redis_url_address(&url, place);
	faults_add(faults, "Redis, %s: %s", place, error);
	return STATUS_UNAVAILABLE;
}

enum exit_status servers_check(const struct config *config, struct faults *faults)
{
	enum exit_status postgres = check_postgres(config, faults), redis = check_redis(config, faults);

	return postgres == STATUS_CONFIGURATION || redis == STATUS_DONE ? postgres : redis;
}
