/* `allocd healthcheck`: whether the worker at ALLOCD_HTTP is alive, or ready. */
#include "entrypoints/cli/commands.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/status_command/http_client.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Prints the message of a problem. */
static void print_reason(const struct http_reply *reply)
{
	json_t *problem = reply->body ? json_loads(reply->body, 0, NULL) : NULL;
	const char *message = json_string_value(json_object_get(problem, "message"));

	if (message)
		print_error("healthcheck: %s", message);
	else if (reply->status)
		print_error("healthcheck: the worker answered %d", reply->status);
	else
		print_error("healthcheck: no worker answers");
	json_decref(problem);
}

enum exit_status command_healthcheck(const struct invocation *invocation)
{
	const char *what = invocation->argument_count ? invocation->arguments[0] : "ready";
	const struct listen_address *address = &invocation->config.http;
	struct http_reply reply = {0};
	bool is_well;

	if (strcmp(what, "live") != 0 && strcmp(what, "ready") != 0) {
		print_error("healthcheck: expected live or ready");
		return STATUS_USAGE;
	}
	if (address->host)
		reply = http_client_get(address, strcmp(what, "live") == 0 ? "/livez" : "/readyz", NULL);
	is_well = reply.status == 200;
	if (!is_well)
		print_reason(&reply);
	free(reply.body);
	return is_well ? STATUS_DONE : STATUS_FAILED;
}
