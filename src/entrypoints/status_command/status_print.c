/* Prints the status that a worker answered. */
#include "entrypoints/status_command/status_print.h"

#include "core/base/calendar.h"
#include "core/base/utf8.h"

#include <string.h>

struct printer {
	FILE *out;
	struct arena *arena;
	int64_t now_us;
};

static const char *text_of(const struct printer *printer, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? utf8_printable(printer->arena, text) : "";
}

static long long number_of(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static double rate_of(const json_t *json, const char *name)
{
	return json_number_value(json_object_get(json, name));
}

/* How long ago that was: "42 s", "7 m", "3 h", "2 d"; "-" when it is unknown. */
static const char *age_of(const struct printer *printer, const json_t *json, const char *name)
{
	static const struct {
		long long seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
	const char *text = json_string_value(json_object_get(json, name));
	int64_t instant;
	long long seconds;
	size_t i = 0;

	if (!text || !instant_parse(text, strlen(text), &instant))
		return "-";
	seconds = (printer->now_us - instant) / 1000000;
	seconds = seconds > 0 ? seconds : 0;
	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	return arena_printf(printer->arena, "%lld %s", seconds / units[i].seconds, units[i].unit);
}

static void print_head(const struct printer *printer, const json_t *status)
{
	char state[16];
	size_t i = 0;

	for (const char *at = text_of(printer, status, "state"); *at && i < sizeof state - 1; at++)
		state[i++] = *at == '_' ? ' ' : *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
	state[i] = '\0';
	fprintf(printer->out, "allocd %s at %s   %s since %s (%s)\n", text_of(printer, status, "version"),
		text_of(printer, status, "name"), state, text_of(printer, status, "since"),
		age_of(printer, status, "since"));
	if (*text_of(printer, status, "awaited"))
		fprintf(printer->out, "  %s\n", text_of(printer, status, "awaited"));
}

static void print_troubles(const struct printer *printer, const json_t *troubles)
{
	for (size_t i = 0; i < json_array_size(troubles); i++) {
		const json_t *trouble = json_array_get(troubles, i);

		fprintf(printer->out, "  %c %s  %s, for %s\n      effect: %s\n      next: %s\n",
			strcmp(text_of(printer, trouble, "severity"), "note") ? '!' : '.',
			text_of(printer, trouble, "code"), text_of(printer, trouble, "text"),
			age_of(printer, trouble, "since"), text_of(printer, trouble, "effect"),
			text_of(printer, trouble, "advice"));
	}
}

/* Whether the input is read, and by which worker. */
static const char *reading_of(const struct printer *printer, const json_t *input)
{
	const char *lease = text_of(printer, input, "lease");

	if (!strcmp(lease, "elsewhere"))
		return "read by another worker";
	if (!json_is_true(json_object_get(input, "is_read")))
		return "NOT READ";
	return strcmp(lease, "nowhere") ? "read" : "read by no worker yet";
}

static void print_inputs(const struct printer *printer, const json_t *inputs)
{
	for (size_t i = 0; i < json_array_size(inputs); i++) {
		const json_t *input = json_array_get(inputs, i);

		fprintf(printer->out, "  in        %s   %s", text_of(printer, input, "name"),
			reading_of(printer, input));
		if (json_object_get(input, "pending"))
			fprintf(printer->out, "   in flight %lld   pending %lld   lost %lld",
				number_of(input, "in_flight"), number_of(input, "pending"),
				number_of(input, "lost"));
		fputc('\n', printer->out);
	}
}

static void print_work(const struct printer *printer, const json_t *status)
{
	const json_t *doing = json_object_get(status, "doing"), *outputs = json_object_get(status, "outputs"),
		     *letters = json_object_get(status, "dead_letters");

	fprintf(printer->out, "  work      %.0f/s   waiting %lld   parked SKUs %lld   last commit %s\n",
		rate_of(doing, "messages_per_s"), number_of(doing, "waiting"),
		number_of(doing, "parked_skus"), age_of(printer, doing, "last_commit"));
	fprintf(printer->out, "  out       %.0f/s   unpublished %lld   unheard %lld\n",
		rate_of(outputs, "events_per_s"), number_of(outputs, "unpublished"),
		number_of(outputs, "unheard"));
	if (json_is_integer(json_object_get(letters, "kept")))
		fprintf(printer->out, "  dead      %lld kept   %lld in the last hour   %lld dropped\n",
			number_of(letters, "kept"), number_of(letters, "last_hour"),
			number_of(letters, "dropped"));
}

static void print_replicas(const struct printer *printer, const json_t *replicas)
{
	for (size_t i = 0; i < json_array_size(replicas); i++) {
		const json_t *replica = json_array_get(replicas, i),
			     *leases = json_object_get(replica, "leases");

		fprintf(printer->out, "  worker    %s%s", text_of(printer, replica, "name"),
			json_is_true(json_object_get(replica, "is_this")) ? " (this)" : "");
		for (size_t lease = 0; lease < json_array_size(leases); lease++)
			fprintf(printer->out, "%s%s", lease ? ", " : "   holds ",
				utf8_printable(printer->arena,
					       json_string_value(json_array_get(leases, lease))));
		fputs(json_array_size(leases) ? "\n" : "   standby\n", printer->out);
	}
}

void status_print(const json_t *status, int64_t now_us, FILE *out)
{
	struct printer printer = {out, arena_new(4096), now_us};

	print_head(&printer, status);
	print_troubles(&printer, json_object_get(status, "troubles"));
	if (json_array_size(json_object_get(status, "inputs"))) {
		print_inputs(&printer, json_object_get(status, "inputs"));
		print_work(&printer, status);
		print_replicas(&printer, json_object_get(status, "replicas"));
	}
	arena_free(&printer.arena);
}

void status_print_line(const json_t *status, FILE *out)
{
	struct printer printer = {out, arena_new(1024), 0};
	const json_t *troubles = json_object_get(status, "troubles");

	fputs(text_of(&printer, status, "state"), out);
	for (size_t i = 0; i < json_array_size(troubles); i++)
		fprintf(out, "%s%s", i ? ", " : ": ", text_of(&printer, json_array_get(troubles, i), "code"));
	fputc('\n', out);
	arena_free(&printer.arena);
}

enum exit_status status_exit(const json_t *status)
{
	const char *state = json_string_value(json_object_get(status, "state"));

	if (!strcmp(state, "healthy"))
		return STATUS_DONE;
	return strcmp(state, "degraded") ? STATUS_USAGE : STATUS_FAILED;
}
