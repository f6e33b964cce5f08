/* The table of commands, and the commands that need no file of their own. */
#include "entrypoints/cli/commands.h"

#include "entrypoints/cli/dead_letter_options.h"
#include "entrypoints/cli/print.h"

#include <stdint.h>
#include <string.h>

/* clang-format off */
static const struct command_option run_options[] = {
	{"no-migrate", .help = "do not migrate the database; refuse a schema that does not fit"},
	{0},
};

static const struct command_option publish_options[] = {
	{"stream", .help = "add it to the stream of its SKU; --stream=NAMES: of these streams"},
	{"wait", OPTION_SECONDS, .value = "SECONDS", .may_be_bare = true,
	 .help = "wait for its outcome, and print that; default: 10 seconds"},
	{"file", OPTION_TEXT, .value = "PATH", .help = "publish the lines of a file; -: of standard input"},
	{"json", .help = "print one JSON object a line"},
	{0},
};

static const struct command_option tail_options[] = {
	{"json", .help = "one JSON object a line, with type, data and at"},
	{"filter", OPTION_TEXT, .value = "KEY=VALUE",
	 .help = "only with that sku=, order= or type=; repeatable: one of each key's values must match"},
	{"since", OPTION_TEXT, .value = "WHEN",
	 .help = "events from ALLOCD_EVENT_STREAM: of the last 5m, or of a SKU from a version on"},
	{"count", OPTION_COUNT, .value = "COUNT", .help = "end after this many"},
	{"commands", .help = "print commands that pass on channels, too"},
	{0},
};

static const struct command_option streams_resize_options[] = {
	{"finish", .help = "the last step of a range that grows: let the workers read the new streams"},
	{"timeout", OPTION_SECONDS, .value = "SECONDS", .help = "how long to wait; default: 30"},
	{"json", .help = "print one JSON object"},
	{0},
};

static const struct command_option await_options[] = {
	{"id", OPTION_TEXT, .value = "ID", .help = "the same as the argument"},
	{"timeout", OPTION_SECONDS, .value = "SECONDS", .help = "how long to wait; default: 10"},
	{"json", .help = "print one JSON object"},
	{0},
};

static const struct command_option quiesce_options[] = {
	{"timeout", OPTION_SECONDS, .value = "SECONDS", .help = "how long to wait; default: 30"},
	{0},
};

static const struct command_option republish_options[] = {
	{"sku", OPTION_TEXT, .required = true, .value = "SKU", .help = "SKU whose events are published"},
	{"from-version", OPTION_NUMBER, .required = true, .value = "NUMBER", .help = "version of the first event"},
	{"channel", OPTION_TEXT, .value = "NAME",
	 .help = "publish all on this channel, after the prefix; default: each on the channel of its name"},
	{"json", .help = "print one JSON object"},
	{"progress", .help = "with --json: print objects that count events while it runs, the first one at once"},
	{0},
};

static const struct command_option status_options[] = {
	{"json", .help = "print one JSON object"},
	{"check", .help = "print one line: the state and the codes of the troubles"},
	{"watch", .help = "print it again every second, or every SECONDS, until a signal"},
	{0},
};

/* Of commands that have no other options. */
static const struct command_option json_options[] = {
	{"json", .help = "print one JSON object"},
	{0},
};

static const struct command_option forget_options[] = {
	{"order", OPTION_TEXT, .required = true, .value = "ID", .help = "the order's id"},
	{"dry-run", .help = "print what would be replaced; change nothing", .letter = 'n'},
	{"json", .help = "print one JSON object"},
	{0},
};

static const struct command_option outbox_renew_options[] = {
	{"prefix", OPTION_TEXT, .value = "TEXT", .help = "the database belongs to this ALLOCD_PREFIX from now on"},
	{"yes", .help = "do not ask", .letter = 'y'},
	{"json", .help = "print one JSON object"},
	{0},
};

static const struct command_option list_options[] = {
	{"group", .help = "count them by outcome, message and reason, the largest group first"},
	{"top", OPTION_COUNT, .value = "COUNT", .help = "with --group: only this many of the largest groups"},
	DEAD_LETTER_FILTERS,
	DEAD_LETTER_LIMIT,
	{"after", OPTION_NUMBER, .value = "ID", .help = "only with an id above this one"},
	DISCARDED,
	{"json", .help = "one JSON object a line"},
	WITHOUT_PAYLOAD,
	{0},
};

static const struct command_option show_options[] = {
	DEAD_LETTER_FILTERS,
	DEAD_LETTER_LIMIT,
	DISCARDED,
	{"json", .help = "one JSON object a line"},
	WITHOUT_PAYLOAD,
	{0},
};

static const struct command_option export_options[] = {
	DEAD_LETTER_FILTERS,
	DEAD_LETTER_LIMIT,
	{0},
};

static const struct command_option replay_options[] = {
	DEAD_LETTER_FILTERS,
	DEAD_LETTER_LIMIT,
	{"dry-run", .help = "show what would change and which events would go out; change nothing", .letter = 'n'},
	{"edit", OPTION_TEXT, .value = "FIELD=VALUE",
	 .help = "change a field of each message first; repeatable; FIELD= removes it"},
	{"rate", OPTION_COUNT, .value = "COUNT", .help = "at most this many a second"},
	{"stop-at-failure", .help = "stop at the first letter that is rejected, invalid or fails again"},
	CHANGES,
	{"json", .help = "one JSON object a line"},
	{"progress", .help = "with --json: print objects that count letters, instead of one for each letter"},
	{0},
};

static const struct command_option discard_options[] = {
	DEAD_LETTER_FILTERS,
	DEAD_LETTER_LIMIT,
	{"dry-run", .help = "list which ones; change nothing", .letter = 'n'},
	CHANGES,
	{"note", OPTION_TEXT, .value = "TEXT", .help = "why: recorded in their history"},
	{"json", .help = "print one JSON object; with --dry-run one a line"},
	{0},
};

static const struct command_option config_options[] = {
	{"check", .help = "print only what is wrong with the settings"},
	{"connect", .help = "with --check: connect to Postgres and Redis, too"},
	{"template", .help = "print every setting with its default, commented out: " SETTINGS_FILE
		" to begin with"},
	{"json", .help = "print one JSON object a line; with --check one object"},
	{0},
};

static const struct command_option schema_options[] = {
	{"asyncapi", .help = "print what comes in and goes out over Redis, as an AsyncAPI 3.0 document"},
	{"openapi", .help = "print what is served over HTTP, as an OpenAPI 3.1 document"},
	{"json", .help = "list them as one JSON object a line"},
	{0},
};

const struct command commands[] = {
	{
		.name = "run", .heading = "The worker", .arguments = "",
		.options = run_options,
		.summary = "run the worker: receive commands, decide, publish events",
		.examples = "allocd run\n"
			    "allocd run --http 0.0.0.0:5005 --log-format json",
		.details = "Migrates the database first.  SIGTERM and SIGINT end it in order, within\n"
			   "10 seconds; a second signal ends it at once.",
		.uses = USED_BY_RUN, .run = command_run,
	},
	{
		.name = "migrate", .arguments = "",
		.summary = "bring the database's schema up to date",
		.examples = "allocd migrate --database-url postgresql://db.example.com/allocd",
		.details = "Migrating twice changes nothing.  A database that only newer programs\n"
			   "understand is refused.",
		.uses = USED_BY_MIGRATE, .run = command_migrate,
	},
	{
		.name = "publish", .heading = "Messages and events", .arguments = "MESSAGE FIELD=VALUE... | -",
		.arguments_max = SIZE_MAX, .completes = COMPLETES_MESSAGES_IN, .options = publish_options,
		.summary = "check a command, and publish it or add it to a stream",
		.examples = "allocd publish allocate orderid=order-1 sku=lamp qty=10\n"
			    "allocd publish --wait allocate orderid=order-1 sku=lamp qty=10  # and print its outcome\n"
			    "allocd publish --stream - < commands.ndjson",
		.details = "Prints its id, which is a new one unless the command has one, and with --stream the id of\n"
			   "the entry.  Exits with 69 when no worker is subscribed: then the command is lost.  A stream\n"
			   "keeps it.  Of several streams, the SKU's is found by its CRC-32.  With --wait it\n"
			   "prints, and exits with, what allocd await does.\n\n"
			   "With - or --file each line is {\"type\": MESSAGE, \"data\": {FIELD: VALUE, ...}}, where data may be\n"
			   "a CloudEvent.  It ends at the first line that is not published.",
		.uses = USED_BY_PUBLISH, .run = command_publish,
	},
	{
		.name = "tail", .arguments = "", .options = tail_options,
		.summary = "print events as they pass, one a line",
		.examples = "allocd tail\n"
			    "allocd tail --commands --filter order=order-1\n"
			    "allocd tail --since 5m --json\n"
			    "allocd tail --since 17 --filter sku=lamp --count 1  # from version 17 on",
		.details = "A line has the event's name, a blank, and its payload as JSON.\n"
			   "Runs until a signal ends it.  Events published while Redis cannot be reached are missed,\n"
			   "except with --since: then events come from their stream, each once, as long as it has them.\n"
			   "With --json, at is when a message was received, or added to the stream.\n"
			   "With --commands, Redis counts it as a subscriber of commands, so that allocd publish\n"
			   "cannot notice that there is no worker.",
		.uses = USED_BY_TAIL, .run = command_tail,
	},
	{
		.name = "await", .arguments = "ID", .arguments_max = 1, .options = await_options,
		.summary = "wait for the outcome of a message, and print it",
		.examples = "allocd await order-1-lamp\n"
			    "allocd await 1700000000000-0 --timeout 60 --json",
		.details = "The events that it caused are printed, too.\n"
			   "Exits with 0 when it was handled or skipped, with 1 when it was rejected,\n"
			   "invalid or failed (the reason is printed), with 75 when there is no outcome\n"
			   "yet.  When several messages have the id, from several sources or because it\n"
			   "was used again, all are printed, and the exit status is 1 if one was refused.\n"
			   "A stream entry without an id is known by its entry id.",
		.uses = USED_BY_DATABASE_TOOLS, .run = command_await,
	},
	{
		.name = "quiesce", .arguments = "", .options = quiesce_options,
		.summary = "return when nothing is queued, in flight or unpublished",
		.examples = "allocd quiesce\n"
			    "allocd quiesce --timeout 60",
		.details = "Messages published or added to a stream before it began are done then.  Exits\n"
			   "with 75 when work remains at the timeout, with 69 when no worker is subscribed.",
		.uses = USED_BY_QUIESCE, .run = command_quiesce,
	},
	{
		.name = "status", .heading = "Health and upkeep", .arguments = "[SECONDS]", .arguments_max = 1, .options = status_options,
		.summary = "show what a worker does, what is wrong, and what to do",
		.examples = "allocd status\n"
			    "allocd status --watch 5\n"
			    "allocd status --check  # one line, for a monitoring system",
		.details = "Asks the worker at ALLOCD_HTTP.\n"
			   "Exits with 0 when it is healthy, with 1 when it is degraded, with 2 when it is not\n"
			   "ready, starting or stopping, with 69 when no worker answers: then it looks at the\n"
			   "database and at Redis itself.",
		.uses = USED_BY_STATUS, .run = command_status,
	},
	{
		.name = "healthcheck", .arguments = "[live|ready]", .arguments_max = 1,
		.completes = COMPLETES_ALTERNATIVES,
		.summary = "exit with 0 if the worker is ready or alive, else with 1",
		.examples = "allocd healthcheck\n"
			    "allocd healthcheck live",
		.details = "For the health check of a container: asks the worker at ALLOCD_HTTP whether it is ready, or\n"
			   "with the argument live whether it is alive.  Prints nothing when all is well, and else why not.",
		.uses = USED_BY_HEALTHCHECK, .run = command_healthcheck,
	},
	{
		.name = "verify", .arguments = "", .options = json_options,
		.summary = "check every rule of the database; print what breaks it",
		.examples = "allocd verify\n"
			    "allocd verify --json",
		.details = "Reads one snapshot, while workers continue.  Exits with 1 when a rule is broken.",
		.uses = USED_BY_DATABASE_TOOLS, .run = command_verify,
	},
	{
		.name = "rebuild-view", .arguments = "", .options = json_options,
		.summary = "make the read model agree with the allocations",
		.examples = "allocd rebuild-view",
		.details = "Workers continue meanwhile.  Prints how many rows it added, corrected and removed.",
		.uses = USED_BY_DATABASE_TOOLS, .run = command_rebuild_view,
	},
	{
		.name = "republish", .arguments = "", .options = republish_options,
		.summary = "publish a SKU's events again, in their order",
		.examples = "allocd republish --sku lamp --from-version 17\n"
			    "allocd republish --sku lamp --from-version 1 --channel repair  # for one consumer",
		.details = "For a consumer that missed some.  They are published on their channels, and not added to the event stream.  Exits with 1, and publishes\n"
			   "nothing, when not all of them are stored any more (they are kept for 7 days).  An event that got another name goes out under both, but with\n"
			   "--channel only once, under the name with which it was stored.",
		.uses = USED_BY_REPUBLISH, .run = command_republish,
	},
	{
		.name = "forget", .arguments = "", .options = forget_options,
		.summary = "replace an order's id in the database by a random token",
		.examples = "allocd forget --order order-1 --dry-run  # shows what would be replaced\n"
			    "allocd forget --order order-1",
		.details = "Workers continue meanwhile, and the books still balance.  Prints how often it was\n"
			   "replaced in each table, and which places it cannot reach.  May be interrupted and\n"
			   "run again.  A command that names the order later brings its id back.",
		.uses = USED_BY_DATABASE_TOOLS, .run = command_forget,
	},
	{
		.name = "outbox renew", .arguments = "", .options = outbox_renew_options,
		.summary = "let a restored database publish its events",
		.examples = "allocd outbox renew\n"
			    "allocd outbox renew --yes --prefix test:",
		.details = "Run it once after each restore from a backup.  Redis refuses events that the lost database has already published, so the\n"
			   "restored one gets a new incarnation.  Events from here on, and those that are\n"
			   "not published yet, bear the next epoch, so that consumers tell them from those\n"
			   "of the lost database.  Prints the incarnations and epochs before and after.\n"
			   "Running workers notice within a second.\n\n"
			   "A worker whose ALLOCD_PREFIX is not that\n"
			   "of the database refuses to start: --prefix gives it to another one, such as a copy\n"
			   "to the prefix of a test.  Stop the workers of the former prefix first.",
		.uses = USED_BY_DATABASE_TOOLS, .run = command_outbox_renew,
	},
	{
		.name = "streams resize", .arguments = "", .options = streams_resize_options,
		.summary = "change the list of streams of all workers",
		.examples = "allocd streams resize --stream allocd:commands[0-15]\n"
			    "allocd streams resize --stream allocd:commands[0-15] --finish --timeout 60",
		.details = "The new list is ALLOCD_STREAM (--stream).  A range grows in three steps, under load, and each\n"
			   "prints what to do next.  Each may be run again.\n\n"
			   "The first one allows workers to start with the new list; before the second one, the former list\n"
			   "takes it back.  The second one, once every worker has the new list, allows publishers to go over: what they add to\n"
			   "the new streams waits.  The third one, --finish, waits until every command in the former\n"
			   "streams is handled, and lets the workers read the new ones.\n\n"
			   "Where all names are new, let the publishers go over first: this waits until the former streams\n"
			   "are handled, and sets the list.  Then start the workers again.  Cancelled orders and commands\n"
			   "that name only their batch must pause meanwhile.\n\n"
			   "Refused (78) where a SKU would get another stream that is read already.  Exits with 75 when\n"
			   "what it waits for does not happen in time; the error says what is recorded.",
		.uses = USED_BY_QUIESCE, .run = command_streams_resize,
	},
	{
		.name = "dead-letters list", .heading = "Messages that were not handled", .arguments = "[ID]...", .arguments_max = SIZE_MAX,
		.completes = COMPLETES_DEAD_LETTERS, .options = list_options,
		.summary = "list messages that were not handled, the oldest first",
		.examples = "allocd dead-letters list --group --since 2h  # what went wrong, and how often\n"
			    "allocd dead-letters list --outcome rejected --sku LAMP-9\n"
			    "allocd dead-letters list --json  # for programs",
		.details = "On a terminal, lines are cut to its width.  AGE counts from the last attempt,\n"
			   "TRIES counts attempts, a discard and a restore among them; FIRST and LAST are the\n"
			   "ages of a group's first and last attempt.  Exits with 1 when there is no dead\n"
			   "letter of an ID.",
		.uses = USED_BY_DEAD_LETTERS, .run = command_dead_letters_list,
	},
	{
		.name = "dead-letters show", .arguments = "[ID]...", .arguments_max = SIZE_MAX,
		.completes = COMPLETES_DEAD_LETTERS, .options = show_options,
		.summary = "show dead letters in full, and what operators did",
		.examples = "allocd dead-letters show 17\n"
			    "allocd dead-letters show --message allocate --limit 1 --json",
		.details = "Prints the payload, too.  Exits with 1 when there is no dead letter of an ID; the error names\n"
			   "the operator that replayed or discarded it, if one did.",
		.uses = USED_BY_DEAD_LETTERS, .run = command_dead_letters_show,
	},
	{
		.name = "dead-letters replay", .arguments = "[ID]...", .arguments_max = SIZE_MAX,
		.completes = COMPLETES_DEAD_LETTERS, .options = replay_options,
		.summary = "handle dead letters again, once their cause is gone",
		.examples = "allocd dead-letters replay 17 --dry-run  # shows what would happen\n"
			    "allocd dead-letters replay 17 --edit qty=5\n"
			    "allocd dead-letters replay --outcome failed --rate 100 --yes",
		.details = "Without an ID or a filter, all are replayed, the oldest first.  One that is handled or skipped is\n"
			   "deleted; otherwise its attempts are counted.  Mail is sent by a worker.  A\n"
			   "replay and its effect commit together: it can be interrupted and repeated.\n\n"
			   "Each gets a line: its id, what it was, what it is now; the events that it\n"
			   "caused follow, 10000 at most.  A dry run (--dry-run) handles them one after\n"
			   "another, each on the result of those before it, and prints what else would\n"
			   "change; it changes nothing and makes no worker wait.  Exits with 1 when some failed\n"
			   "again, with 75 when it was interrupted or lost the database.",
		.uses = USED_BY_REPLAY, .run = command_dead_letters_replay,
	},
	{
		.name = "dead-letters discard", .arguments = "[ID]...", .arguments_max = SIZE_MAX,
		.completes = COMPLETES_DEAD_LETTERS, .options = discard_options,
		.summary = "take dead letters away, and record the operator that did",
		.examples = "allocd dead-letters discard 17 18\n"
			    "allocd dead-letters discard --older-than 30d --dry-run  # lists them\n"
			    "allocd dead-letters discard --older-than 30d --yes",
		.details = "Without an ID or a filter, all are discarded, except those being replayed.  They are\n"
			   "kept for 7 days, in which allocd dead-letters restore brings them back.",
		.uses = USED_BY_DEAD_LETTERS, .run = command_dead_letters_discard,
	},
	{
		.name = "dead-letters restore", .arguments = "[ID]...", .arguments_max = SIZE_MAX,
		.completes = COMPLETES_DISCARDED, .options = discard_options,
		.summary = "bring discarded dead letters back, within 7 days",
		.examples = "allocd dead-letters restore 17 18\n"
			    "allocd dead-letters restore --dry-run  # lists those that were discarded\n"
			    "allocd dead-letters restore --since 10m --yes  # what was just discarded",
		.details = "Without an ID or a filter, all are restored.  They keep their ids.  One is not\n"
			   "restored when its stream entry has become a dead letter again.",
		.uses = USED_BY_DEAD_LETTERS, .run = command_dead_letters_restore,
	},
	{
		.name = "dead-letters export", .arguments = "[ID]...", .arguments_max = SIZE_MAX,
		.completes = COMPLETES_DEAD_LETTERS, .options = export_options,
		.summary = "print dead letters as JSON lines that publish takes",
		.examples = "allocd dead-letters export --since 2h > commands.ndjson\n"
			    "allocd dead-letters export --sku LAMP-9 | allocd publish -  # once its batch is there",
		.details = "Each is one line with type, data and the dead letter's id, outcome and reason, which\n"
			   "allocd publish ignores.  Ids of messages are kept.  A mail, and what is not JSON or\n"
			   "MessagePack, is left out and named on standard error: then it exits with 1.  They stay dead\n"
			   "letters: once published and handled, discard them.",
		.uses = USED_BY_DEAD_LETTERS, .run = command_dead_letters_export,
	},
	{
		.name = "config", .heading = "The program", .arguments = "", .options = config_options,
		.summary = "print the settings in force, or check them",
		.examples = "allocd config\n"
			    "allocd config --template | sudo install -m 640 /dev/stdin " SETTINGS_FILE "\n"
			    "allocd config --check --connect  # before a deployment",
		.details = "The settings are printed as a commented environment file, without passwords.  --check prints every fault, and exits with 78 when there is\n"
			   "one; with --connect, which needs at most 25 seconds, with 69 when the settings are\n"
			   "right, but Postgres or Redis cannot be reached.",
		.uses = USED_BY_CONFIG, .takes_faults = true, .run = command_config,
	},
	{
		.name = "schema", .arguments = "[MESSAGE]", .arguments_max = 1, .completes = COMPLETES_MESSAGES,
		.options = schema_options,
		.summary = "print the JSON Schema of a message, or list the messages",
		.examples = "allocd schema\n"
			    "allocd schema allocate > allocate.json\n"
			    "allocd schema --openapi > openapi.json",
		.run = command_schema,
	},
	{
		.name = "completion", .arguments = "bash|zsh|fish", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_ALTERNATIVES,
		.summary = "print a script that completes the command line",
		.examples = "allocd completion bash > ~/.local/share/bash-completion/completions/allocd\n"
			    "allocd completion zsh > ~/.zfunc/_allocd  # a folder of fpath\n"
			    "allocd completion fish > ~/.config/fish/completions/allocd.fish",
		.details = "Where allocd is installed by a package or by meson, the shells have it already.  Ids of dead letters\n"
			   "are completed from the database that the environment names, and are left out when that takes\n"
			   "longer than 2 seconds.",
		.run = command_completion,
	},
	{
		.name = "version", .arguments = "", .options = json_options,
		.summary = "print the versions of the program and of its libraries",
		.examples = "allocd version\n"
			    "allocd version --json",
		.details = "migration is the newest one of the database that the program knows.  \"built with\" is the version of a "
			   "library whose headers were compiled, and \"in use\" the one that is loaded, as it says itself.",
		.run = command_version,
	},
	{
		.name = "help", .arguments = "[COMMAND]", .arguments_max = 2, .completes = COMPLETES_COMMANDS,
		.summary = "show how to use the program, or one of its commands",
		.examples = "allocd help\n"
			    "allocd help publish\n"
			    "allocd help dead-letters",
		.run = command_help,
	},
};
/* clang-format on */

const size_t commands_count = sizeof commands / sizeof commands[0];

/* The words that follow the name, which has one word or two; NULL when the words do not begin with it. */
static const char *const *words_after(const char *name, const char *const words[])
{
	size_t length = strcspn(name, " ");

	if (!words[0] || strlen(words[0]) != length || strncmp(words[0], name, length) != 0)
		return NULL;
	return name[length] ? words_after(name + length + 1, words + 1) : words + 1;
}

const struct command *command_named(const char *const words[], const char *const **rest)
{
	for (size_t i = 0; i < commands_count; i++) {
		*rest = words_after(commands[i].name, words);
		if (*rest)
			return &commands[i];
	}
	return NULL;
}

bool command_is_of_family(const struct command *command, const char *word)
{
	size_t length = strlen(word);

	return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}
