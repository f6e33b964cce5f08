/* `allocd dead-letters replay`: the checks and the question before the first letter is replayed. */
#include "entrypoints/cli/options.h"
#include "entrypoints/replay/replay_run.h"
#include "entrypoints/replay/replayer.h"

#define CONNECT_MS 30000

/* A result other than STATUS_DONE was reported. */
static enum exit_status read_options(const struct dead_letter_call *call, struct replay_options *options)
{
	const struct invocation *invocation = call->invocation;
	enum exit_status status;
	const char *error;

	*options = (struct replay_options){
		.who = call->who,
		.is_dry_run = invocation_flag(invocation, "dry-run"),
		.json = invocation_flag(invocation, "json"),
		.counts_only = invocation_flag(invocation, "progress"),
		.stops_at_failure = invocation_flag(invocation, "stop-at-failure"),
		.rate = invocation_number(invocation, "rate", 0),
	};
	if (options->is_dry_run &&
	    !replayer_can_dry_run(&invocation->config, CONNECT_MS, invocation->arena, &error, &status))
		return dead_letter_call_report(call, status, "%s", error);
	replay_edits_read(&options->edits, invocation);
	return STATUS_DONE;
}

/* A dry run changes nothing, so it asks nothing. */
static enum exit_status confirm(const struct dead_letter_call *call, const struct replay_options *options,
				const struct dead_letter_census *census)
{
	enum exit_status status = replay_edits_check(&options->edits, call, census);

	if (status != STATUS_DONE || options->is_dry_run || !census->total)
		return status;
	return dead_letter_call_confirm(call, "Replay", census);
}

static enum exit_status replay(struct dead_letter_call *call)
{
	struct dead_letter_census census = {0};
	struct replay_options options;
	enum exit_status status = read_options(call, &options);

	if (status == STATUS_DONE)
		status = dead_letter_call_count(call, &census);
	if (status == STATUS_DONE)
		status = dead_letter_call_check_count(call, &census);
	if (status == STATUS_DONE)
		status = confirm(call, &options, &census);
	if (status != STATUS_DONE)
		return status;
	if (!census.total && !options.counts_only) {
		dead_letter_call_report(call, STATUS_DONE, "no dead letters");
		return dead_letter_call_status(call);
	}
	options.total = census.total;
	return replay_run(call, &options);
}

enum exit_status command_dead_letters_replay(const struct invocation *invocation)
{
	return dead_letter_call_run(invocation, false, replay);
}
