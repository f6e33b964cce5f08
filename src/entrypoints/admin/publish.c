/*
 * `allocd publish`: checks commands against their schemas and publishes them, or adds them to a stream; waits
 * for their outcome when it is asked to.
 */
#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/admin/admin_tools.h"
#include "entrypoints/admin/await.h"
#include "entrypoints/admin/publication.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct publishing {
	const struct invocation *invocation;
	struct tools *tools;
	FILE *lines; /* of commands as JSON; NULL: the command is in the arguments */
	bool on_stream;
	const char **ids; /* of what was published, with --wait */
	size_t id_count;
};

/* A message without a SKU goes on the first stream of the range: its reader hands it on. */
static const char *stream_for(const struct stream_list *streams, const struct message *message)
{
	const char *sku = message_text(message, "sku");

	return streams->names[sku ? stream_list_place(streams, sku) : streams->range_first];
}

/* Redis may have published it before the connection was lost. */
static bool report_failed(struct tools *tools, const struct publication *publication, struct arena *arena)
{
	char place[REDIS_ADDRESS_MAX];

	redis_url_address(&tools->redis_url, place);
	return tools_report(tools, STATUS_UNAVAILABLE, arena_printf(arena, "Redis, %s", place),
			    arena_printf(arena, "%s; it can be repeated with id=%s", tools->redis_error,
					 publication->envelope.id));
}

/* Sets *entry to the id of the stream's entry. */
static bool add_to_stream(struct publishing *publishing, const struct publication *publication,
			  struct arena *arena, const char **entry)
{
	struct tools *tools = publishing->tools;
	const struct config *config = &publishing->invocation->config;
	const char *name = stream_for(&config->streams, &publication->envelope.message);
	const struct bytes arguments[] = {
		bytes_of("XADD"),
		bytes_of(arena_printf(arena, "%s%s", config->prefix, name)),
		bytes_of("*"),
		bytes_of("type"),
		bytes_of(message_name(publication->type)),
		bytes_of("data"),
		publication->payload,
	};

	return redis_client_text(tools->redis, arguments, 7, arena, entry, tools->redis_error) ||
	       report_failed(tools, publication, arena);
}

static bool add_to_channel(struct publishing *publishing, const struct publication *publication,
			   struct arena *arena)
{
	struct tools *tools = publishing->tools;
	const char *channel = arena_printf(arena, "%s%s", publishing->invocation->config.prefix,
					   message_name(publication->type));
	const struct bytes arguments[] = {bytes_of("PUBLISH"), bytes_of(channel), publication->payload};
	int64_t listeners;

	if (!redis_client_number(tools->redis, arguments, 3, &listeners, tools->redis_error))
		return report_failed(tools, publication, arena);
	return listeners > 0 || tools_report(tools, STATUS_UNAVAILABLE, "the command is lost",
					     arena_printf(arena, "no worker listens on %s", channel));
}

/* With --wait the outcome is printed instead. */
static void print_published(const struct publishing *publishing, const char *id, const char *entry,
			    struct arena *arena)
{
	if (invocation_flag(publishing->invocation, "json"))
		json_line_print(must(json_pack("{s:s, s:s?}", "id", id, "entry", entry)), stdout);
	else
		printf("%s%s%s\n", utf8_printable(arena, id), entry ? " " : "", entry ? entry : "");
}

static bool publish(struct publishing *publishing, const struct publication *publication, struct arena *arena)
{
	struct arena *lasting = publishing->invocation->arena;
	const char *id = publication->envelope.id, *entry = NULL;

	if (publishing->on_stream ? !add_to_stream(publishing, publication, arena, &entry)
				  : !add_to_channel(publishing, publication, arena))
		return false;
	if (invocation_flag(publishing->invocation, "wait")) {
		publishing->ids =
			arena_grow(lasting, publishing->ids, publishing->id_count, sizeof *publishing->ids);
		publishing->ids[publishing->id_count++] = arena_strdup(lasting, id);
	} else {
		print_published(publishing, id, entry, arena);
	}
	return true;
}

static bool publish_line(struct publishing *publishing, const char *line, size_t length, int64_t number,
			 struct arena *arena)
{
	struct publication publication = {0};
	const char *error;

	if (publication_from_line(line, length, publishing->tools->codec, &publication, arena, &error))
		return publish(publishing, &publication, arena);
	return tools_report(publishing->tools, STATUS_USAGE, arena_printf(arena, "line %" PRId64, number),
			    error);
}

/* Ends at the first line that is not published. */
static bool publish_lines(struct publishing *publishing)
{
	struct arena *arena = arena_new(4096);
	char *line = NULL;
	size_t size = 0;
	bool done = true;
	ssize_t length;

	for (int64_t number = 1; done && (length = getline(&line, &size, publishing->lines)) >= 0; number++) {
		arena_clear(arena);
		if (line[strspn(line, " \t\r\n")])
			done = publish_line(publishing, line, (size_t)length, number, arena);
	}
	if (done && ferror(publishing->lines))
		done = tools_report(publishing->tools, STATUS_FAILED, "cannot read", strerror(errno));
	free(line);
	arena_free(&arena);
	return done;
}

/* ---- the command ---- */

/* `--stream` names no streams, and `--stream=NAMES` does. */
static bool is_for_stream(const struct invocation *invocation)
{
	for (size_t i = 0; i < invocation->option_count; i++) {
		if (invocation->options[i].setting->offset == offsetof(struct config, streams))
			return true;
	}
	return invocation_flag(invocation, "stream");
}

static bool open_lines(struct publishing *publishing, const char *path)
{
	publishing->lines = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	return publishing->lines || tools_report(publishing->tools, STATUS_FAILED, path, strerror(errno));
}

static bool open_servers(struct publishing *publishing)
{
	struct tools *tools = publishing->tools;

	if (publishing->on_stream && !publishing->invocation->config.streams.count)
		return tools_report(tools, STATUS_CONFIGURATION, "ALLOCD_STREAM", "it names no stream");
	return (!invocation_flag(publishing->invocation, "wait") || tools_open_database(tools)) &&
	       tools_open_redis(tools);
}

static void publish_argument(struct publishing *publishing)
{
	struct tools *tools = publishing->tools;
	struct publication publication = {0};
	const char *error;

	if (!publication_from_arguments(publishing->invocation, tools->codec, &publication, &error)) {
		print_error("publish: %s", error);
		tools->status = STATUS_USAGE;
	} else if (open_servers(publishing)) {
		publish(publishing, &publication, publishing->invocation->arena);
	}
}

/* Waits for all that was published, even if something failed later. */
static void await_outcomes(struct publishing *publishing)
{
	struct tools *tools = publishing->tools;
	struct poll_deadline deadline =
		poll_deadline_in(invocation_ms(publishing->invocation, "wait", AWAIT_TIMEOUT_MS));

	for (size_t i = 0; i < publishing->id_count; i++) {
		enum exit_status status = await_outcome(tools, publishing->ids[i], &deadline);

		if (status > tools->status)
			tools->status = status;
	}
}

enum exit_status command_publish(const struct invocation *invocation)
{
	struct publishing publishing = {
		.invocation = invocation,
		.tools = tools_new(invocation),
		.on_stream = is_for_stream(invocation),
	};
	const char *path = invocation_option(invocation, "file");
	bool has_dash = invocation->argument_count == 1 && strcmp(invocation->arguments[0], "-") == 0;

	if (!path && has_dash)
		path = "-";
	else if (path ? invocation->argument_count > 0 : invocation->argument_count == 0)
		publishing.tools->status = invocation_refuse(
			invocation, "expected MESSAGE FIELD=VALUE..., or - or --file for lines of JSON");
	else if (!path)
		publish_argument(&publishing);
	if (path && publishing.tools->status == STATUS_DONE && open_lines(&publishing, path) &&
	    open_servers(&publishing))
		publish_lines(&publishing);
	await_outcomes(&publishing);
	if (publishing.lines && publishing.lines != stdin)
		fclose(publishing.lines);
	return tools_free(&publishing.tools);
}
