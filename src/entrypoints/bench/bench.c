/* A run of `allocd-bench`: makes stock, warms up, measures, checks every effect, and reports. */
#include "entrypoints/bench/bench.h"

#include "adapters/postgres/tools/bench_queries.h"
#include "adapters/system/random.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/bench/check.h"
#include "entrypoints/bench/meter.h"
#include "entrypoints/bench/sender.h"
#include "entrypoints/bench_report/report.h"
#include "entrypoints/bench_workload/bench_messages.h"
#include "entrypoints/cli/poll_deadline.h"
#include "entrypoints/cli/print.h"

#define IDLE_MS     1000
#define POLL_MS     20
#define STOCK_PIECE 10000  /* messages that are sent before all of them are awaited */
#define RESULTS_MS  600000 /* for the rows of ten million messages */

struct bench {
	const struct invocation *invocation;
	struct bench_options options;
	char run[BENCH_RUN_SIZE];
	struct tools *tools;
	struct bench_plan *plan;
	struct bench_verifier *verifier;
	struct bench_sender *sender;
	bool stalled; /* nothing more is sent: the check reports what is missing */
	struct bench_gauges before, after;
};

/* Each step returns false when it failed: the failure was reported, and is the status of `tools`. */

static bool fail(struct bench *bench, enum exit_status status, const char *why)
{
	print_error("%s", why);
	bench->tools->status = status;
	return false;
}

/* ---- the services ---- */

static bool find_services(struct bench *bench)
{
	int64_t asked, answered;

	if (!tools_open_database(bench->tools) || !tools_open_redis(bench->tools))
		return false;
	if (bench->options.events_only)
		return true; /* only allocd answers */
	if (!tools_ask_whether_idle(bench->tools, IDLE_MS, &asked, &answered))
		return false;
	return asked > 0 || fail(bench, STATUS_UNAVAILABLE, "no worker listens");
}

/* The run continues with the check, and its report names what is missing. */
static bool stall(struct bench *bench)
{
	bench->stalled = true;
	print_error("no progress for %g s: giving up", (double)bench->options.stall_ms / 1000);
	return true;
}

static bool check_end(struct bench *bench, enum bench_end end)
{
	switch (end) {
	case BENCH_STALLED:
		return stall(bench);
	case BENCH_DONE:
		return true;
	case BENCH_LOST:
		return fail(bench, STATUS_UNAVAILABLE,
			    arena_printf(bench->invocation->arena, "Redis: %s",
					 bench_sender_trouble(bench->sender)));
	case BENCH_INTERRUPTED:
		break;
	}
	return fail(bench, STATUS_TRY_AGAIN, "interrupted");
}

static bool connect_sender(struct bench *bench)
{
	bench->sender = bench_sender_new(bench->invocation, &bench->options, bench->run, bench->verifier);
	return check_end(bench, bench_sender_connect(bench->sender));
}

/* Sends the messages below number `end`, unless the run stalled before. */
static bool send(struct bench *bench, uint32_t end, const char *title)
{
	return bench->stalled || check_end(bench, bench_sender_send(bench->sender, end, title));
}

/* ---- the end of messages that no event shows: their ids are counted in the database ---- */

static bool await_spent(struct bench *bench, int64_t expected)
{
	struct poll_deadline deadline = poll_deadline_in(bench->options.stall_ms);
	int64_t spent = 0, before = 0;

	while (postgres_count_spent(tools_client(bench->tools), bench->run, &spent)) {
		if (spent > before)
			deadline = poll_deadline_in(bench->options.stall_ms);
		if (spent >= expected)
			return true;
		if (poll_deadline_left_ms(&deadline) == 0)
			return stall(bench);
		before = spent;
		if (!check_end(bench, bench_sender_wait(bench->sender, POLL_MS)))
			return false;
	}
	return tools_report_database(bench->tools);
}

/* New batches cause no event. */
static bool make_stock(struct bench *bench)
{
	uint32_t end = 0, stock = bench->plan->stock;

	while (end < stock && !bench->stalled) {
		end = stock - end > STOCK_PIECE ? end + STOCK_PIECE : stock;
		if (!send(bench, end, "stock") || (!bench->stalled && !await_spent(bench, end)))
			return false;
	}
	return true;
}

/* ---- the run ---- */

/* After a stall the figures would be meaningless, so they stay unknown. */
static bool read_meter(struct bench *bench, struct bench_gauges *gauges)
{
	*gauges = bench_gauges_unknown;
	return bench->stalled || bench_meter_read(bench->tools, gauges);
}

/* A cancellation spends its id when all its lines are deallocated: its events arrive before. */
static bool send_and_end(struct bench *bench, uint32_t end, const char *title)
{
	return send(bench, end, title) &&
	       (!bench->options.cancel || bench->stalled || await_spent(bench, end));
}

static bool drive(struct bench *bench)
{
	return make_stock(bench) && send_and_end(bench, bench->plan->measured, "warm-up") &&
	       read_meter(bench, &bench->before) && send_and_end(bench, bench->plan->count, "measuring") &&
	       read_meter(bench, &bench->after);
}

/* ---- the result ---- */

static bool check_effects(struct bench *bench, struct bench_effects *effects)
{
	struct bench_check check;
	struct bench_results results;
	bool by_events = bench->options.events_only, found;

	bench_check_init(&check, bench->run, bench->verifier);
	blocking_client_set_deadline(&bench->tools->client, RESULTS_MS);
	found = by_events ||
		postgres_find_run(&bench->tools->client, bench->run, bench->verifier->sent, &results,
				  &bench_check_listener, &check) ||
		tools_report_database(bench->tools);
	if (found)
		bench_check_conclude(&check, by_events ? NULL : &results, effects);
	bench_check_release(&check);
	return found;
}

static bool report(struct bench *bench)
{
	struct bench_result result;
	bool checked;

	bench_result_init(&result, &bench->options, bench->verifier, &bench->before, &bench->after);
	checked = check_effects(bench, &result.effects);
	if (checked && bench->options.json)
		bench_report_json(&result, stdout);
	else if (checked)
		bench_report_text(&result, stdout);
	bench_result_release(&result);
	return checked;
}

static void run(struct bench *bench)
{
	if (find_services(bench) && connect_sender(bench) && drive(bench) && report(bench) &&
	    bench->verifier->faults.count > 0)
		bench->tools->status = STATUS_FAILED;
}

enum exit_status bench_run(const struct invocation *invocation)
{
	struct bench bench = {.invocation = invocation};
	const char *error;
	uint64_t bits;

	if (!bench_options_read(&bench.options, invocation, &error)) {
		print_error("%s (see allocd-bench --help)", error);
		return STATUS_USAGE;
	}
	bench_catch_signals();
	system_random()->fill(system_random(), &bits, sizeof bits);
	bench_run_name(bench.run, bits);
	bench.tools = tools_new(invocation);
	bench.plan = bench_plan_new(&bench.options, bits);
	bench.verifier = bench_verifier_new(bench.plan);
	run(&bench);
	bench_sender_free(&bench.sender);
	bench_verifier_free(&bench.verifier);
	bench_plan_free(&bench.plan);
	return tools_free(&bench.tools);
}
