/* `allocd outbox renew`: gives a restored database a new incarnation, and its events the next epoch. */
#include "adapters/codec/codec.h"
#include "adapters/postgres/tools/renewal.h"
#include "core/base/must.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/confirm.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>
#include <jansson.h>

static void renew_event(struct outgoing *event, int64_t epoch, struct arena *arena)
{
	struct bytes payload;

	if (codec_event_set_epoch(event->type, event->payload, epoch, arena, &payload))
		event->payload = payload;
}

static void print_renewal(const struct invocation *invocation, const struct renewal *renewal)
{
	const char *prefix = invocation_option(invocation, "prefix");

	if (invocation_flag(invocation, "json")) {
		json_line_print(must(json_pack("{s:{s:s, s:s}, s:{s:I, s:I}, s:s?}", "incarnation", "before",
					       renewal->before, "after", renewal->after, "epoch", "before",
					       (json_int_t)renewal->epoch - 1, "after",
					       (json_int_t)renewal->epoch, "prefix", prefix)),
				stdout);
		return;
	}
	printf("%s -> %s\nepoch %" PRId64 " -> %" PRId64 "\n", renewal->before, renewal->after,
	       renewal->epoch - 1, renewal->epoch);
	if (prefix)
		printf("prefix \"%s\"\n", prefix);
}

enum exit_status command_outbox_renew(const struct invocation *invocation)
{
	enum exit_status status = confirm(
		invocation, "Give the database a new incarnation, and publish the events that were not"
			    " published before the restore, and those since?");
	struct tools *tools;
	struct renewal renewal;

	if (status != STATUS_DONE)
		return status;
	tools = tools_new(invocation);
	if (tools_open_database(tools)) {
		if (postgres_renew(tools_client(tools), renew_event, invocation_option(invocation, "prefix"),
				   &renewal))
			print_renewal(invocation, &renewal);
		else
			tools_report_database(tools);
	}
	return tools_free(&tools);
}
