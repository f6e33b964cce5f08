/* `allocd outbox renew`: gives a restored database a new incarnation, and its events the next epoch. */
#include "adapters/codec/codec.h"
#include "adapters/postgres/tools/renewal.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/cli/options.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Asks at the terminal; a script must give --yes. */
static bool is_confirmed(const struct invocation *invocation)
{
	char answer[8];

	if (invocation_flag(invocation, "yes"))
		return true;
	if (!isatty(STDIN_FILENO)) {
		fputs("allocd: outbox renew: expected --yes (see allocd help outbox renew)\n", stderr);
		return false;
	}
	fputs("Events that were not published before the restore, and those since, are published again.\n"
	      "Give the database a new incarnation? [y/N] ",
	      stderr);
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void renew_event(struct outgoing *event, int64_t epoch, struct arena *arena)
{
	struct bytes payload;
	const char *error;

	if (codec_event_set_epoch(event->type, event->payload, epoch, arena, &payload, &error))
		event->payload = payload;
}

enum exit_status command_outbox_renew(const struct invocation *invocation)
{
	struct tools *tools;
	const char *prefix = invocation_option(invocation, "prefix");
	struct renewal renewal;

	if (!is_confirmed(invocation))
		return STATUS_USAGE;
	tools = tools_new(invocation);
	if (tools_open_database(tools)) {
		if (!postgres_renew(tools_client(tools), renew_event, prefix, &renewal)) {
			tools_report_database(tools);
		} else {
			printf("%s -> %s\nepoch %" PRId64 " -> %" PRId64 "\n", renewal.before, renewal.after,
			       renewal.epoch - 1, renewal.epoch);
			if (prefix)
				printf("prefix \"%s\"\n", prefix);
		}
	}
	return tools_free(&tools);
}
