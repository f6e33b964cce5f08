/* `allocd verify`: checks every rule of the database, and prints what is broken. */
#include "core/base/utf8.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/admin_tools.h"

#include "core/base/must.h"

#include <inttypes.h>
#include <jansson.h>

/* ---- one line a breach ---- */

struct report {
	int64_t breaches;
	json_t *broken; /* a list, for --json */
};

static void print_breach(void *context, const struct breach *breach)
{
	struct report *report = context;
	struct arena *arena = arena_new(1024);

	report->breaches++;
	printf("%s: %s: expected %s, found %s (%s)\n", breach->rule, utf8_printable(arena, breach->key),
	       utf8_printable(arena, breach->expected), utf8_printable(arena, breach->found),
	       breach->meaning);
	arena_free(&arena);
}

static void print_more(void *context, const char *rule, int64_t count)
{
	struct report *report = context;

	report->breaches += count;
	printf("%s: and %" PRId64 " more\n", rule, count);
}

/* ---- one object ---- */

static void add_breach(void *context, const struct breach *breach)
{
	struct report *report = context;

	report->breaches++;
	json_array_append_new(
		report->broken,
		must(json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", breach->rule, "meaning", breach->meaning,
			       "key", breach->key, "expected", breach->expected, "found", breach->found)));
}

static void add_more(void *context, const char *rule, int64_t count)
{
	struct report *report = context;

	report->breaches += count;
	json_array_append_new(report->broken,
			      must(json_pack("{s:s, s:I}", "rule", rule, "more", (json_int_t)count)));
}

static void print_object(const struct report *report, size_t rules)
{
	json_t *object = must(json_pack("{s:I, s:I, s:O}", "rules", (json_int_t)rules, "breaches",
					(json_int_t)report->breaches, "broken", report->broken));

	json_line_print(object, stdout);
}

/* ---- the command ---- */

static enum exit_status conclude(const struct report *report, size_t rules, bool as_json)
{
	if (as_json)
		print_object(report, rules);
	if (report->breaches == 0)
		fprintf(stderr, "all %zu rules hold\n", rules);
	return report->breaches == 0 ? STATUS_DONE : STATUS_FAILED;
}

enum exit_status command_verify(const struct invocation *invocation)
{
	static const struct breach_listener lines = {print_breach, print_more},
					    objects = {add_breach, add_more};
	bool as_json = invocation_flag(invocation, "json");
	struct report report = {.broken = must(json_array())};
	struct tools *tools = tools_new(invocation);
	enum exit_status status;
	size_t rules;

	if (tools_open_database(tools) && tools_verify(tools, as_json ? &objects : &lines, &report, &rules))
		status = conclude(&report, rules, as_json);
	else
		status = tools_status(tools);
	tools_free(&tools);
	json_decref(report.broken);
	return status;
}
