/* `allocd republish`: publishes a SKU's events again. */
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/admin_tools.h"

#include <inttypes.h>

static enum exit_status refuse(const char *sku, const char *reason)
{
	print_error("republish: %s: %s", sku, reason);
	return STATUS_FAILED;
}

/* Whether all the events that were asked for are there: a consumer would take less for all. */
static enum exit_status examine(const struct invocation *invocation, const char *sku, int64_t from,
				const struct kept_events *kept)
{
	struct arena *arena = invocation->arena;

	if (!kept->exists)
		return refuse(sku, "there is no such SKU");
	if (from > kept->version)
		return refuse(sku, arena_printf(arena,
						"there is no event from version %" PRId64
						" on: the last one is %" PRId64,
						from, kept->version));
	if (kept->first_kept == 0)
		return refuse(sku, "its events are not kept any more");
	if (from < kept->first_kept)
		return refuse(sku, arena_printf(arena,
						"events before version %" PRId64
						" are not kept any more: --from-version %" PRId64
						" publishes what is left",
						kept->first_kept, kept->first_kept));
	return STATUS_DONE;
}

static enum exit_status republish(const struct invocation *invocation, struct tools *tools)
{
	const char *sku = invocation_option(invocation, "sku");
	int64_t from = invocation_number(invocation, "from-version", 1), count = 0;
	struct kept_events kept;
	enum exit_status status;

	from = from < 1 ? 1 : from;
	if (!tools_open_database(tools) || !tools_find_events(tools, sku, &kept))
		return tools_status(tools);
	status = examine(invocation, sku, from, &kept);
	if (status != STATUS_DONE)
		return status;
	if (tools_open_redis(tools)) {
		tools_republish(tools, sku, from, invocation_option(invocation, "channel"), &count);
		printf("%" PRId64 " events published\n", count);
	}
	return tools_status(tools);
}

enum exit_status command_republish(const struct invocation *invocation)
{
	struct tools *tools = tools_new(invocation);
	enum exit_status status = republish(invocation, tools);

	tools_free(&tools);
	return status;
}
