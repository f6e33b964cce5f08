/* The table of troubles, and the list of those that are open. */
#include "entrypoints/troubles/trouble.h"

#include "core/base/utf8.h"

#define NOTHING_COMMITTED                                                                                     \
	"no command is committed: streams wait, commands over HTTP get 503, pub/sub waits in memory as long " \
	"as there is room"
#define DEAF_AND_MUTE                                                                                        \
	"commands that are published on channels meanwhile are lost, streams wait, and events wait in the "  \
	"database"

const struct trouble_kind trouble_kinds[TROUBLE_CODES] = {
	[TROUBLE_DATABASE_UNREACHABLE] = {"database-unreachable", TROUBLE_STOP, true, NOTHING_COMMITTED,
					  "start the database server, or correct DATABASE_URL; the worker "
					  "connects again by itself"},
	[TROUBLE_DATABASE_AUTH] = {"database-auth", TROUBLE_STOP, true, NOTHING_COMMITTED,
				   "correct the role or the password in DATABASE_URL"},
	[TROUBLE_DATABASE_NOPERM] = {"database-noperm", TROUBLE_STOP, true, NOTHING_COMMITTED,
				     "grant the worker's role its rights: see deploy/worker-role.sql"},
	[TROUBLE_DATABASE_READONLY] = {"database-readonly", TROUBLE_STOP, true, NOTHING_COMMITTED,
				       "let the database take writes, or let DATABASE_URL lead to the "
				       "primary"},
	[TROUBLE_DATABASE_FULL] = {"database-full", TROUBLE_STOP, true, NOTHING_COMMITTED,
				   "free space on the database server's disk"},
	[TROUBLE_DATABASE_TOO_MANY] = {"database-too-many", TROUBLE_STOP, true, NOTHING_COMMITTED,
				       "raise max_connections, or end idle sessions"},
	[TROUBLE_DATABASE_LOCKED] = {"database-locked", TROUBLE_STOP, true, NOTHING_COMMITTED,
				     "find the session that makes statements wait, in pg_stat_activity and "
				     "pg_locks, and end it: docs/operating.md has the query"},
	[TROUBLE_DATABASE_RESTORED] = {"database-restored", TROUBLE_STOP, true,
				       "no command is taken and no event is published, so that nothing is "
				       "committed to a database that may be replaced",
				       "run `allocd outbox renew`, after the steps in docs/operating.md"},
	[TROUBLE_STALLED] = {"stalled", TROUBLE_STOP, true, NOTHING_COMMITTED,
			     "look for the last error in the database server's log"},
	[TROUBLE_REDIS_UNREACHABLE] = {"redis-unreachable", TROUBLE_STOP, false, DEAF_AND_MUTE,
				       "check whether Redis runs and answers PING: start it, restart it if "
				       "it hangs, or correct REDIS_URL; the worker connects again by itself"},
	[TROUBLE_REDIS_AUTH] = {"redis-auth", TROUBLE_STOP, false, DEAF_AND_MUTE,
				"correct the user or the password in REDIS_URL"},
	[TROUBLE_REDIS_NOPERM] = {"redis-noperm", TROUBLE_STOP, false,
				  "the worker cannot do what needs this right: commands are not received, or "
				  "events wait in the database",
				  "give the user the right that the error names, or all rights of the ACL "
				  "line in docs/operating.md"},
	[TROUBLE_REDIS_READONLY] = {"redis-readonly", TROUBLE_STOP, false,
				    "events wait in the database, and streams are not read",
				    "let REDIS_URL lead to the master, and let it take writes"},
	[TROUBLE_REDIS_LOADING] = {"redis-loading", TROUBLE_STOP, false, DEAF_AND_MUTE,
				   "wait until Redis has loaded its data set"},
	[TROUBLE_SUBSCRIPTION_STALLED] = {"subscription-stalled", TROUBLE_STOP, false,
					  "commands that are published on channels may be lost",
					  "REDIS_URL must point to one master, without a proxy that answers "
					  "by itself"},
	[TROUBLE_LEASE_LOST] = {"lease-lost", TROUBLE_STOP, false,
				"no worker reads the stream; its entries wait",
				"start another worker, or find out why this one was cut off from the "
				"database"},
	[TROUBLE_STREAM_UNREAD] = {"stream-unread", TROUBLE_STOP, false, "its entries wait in Redis",
				   "correct what the error names; the worker tries again by itself"},
	[TROUBLE_STREAM_TYPE_UNKNOWN] = {"stream-type-unknown", TROUBLE_STOP, false,
					 "the entry and those behind it wait",
					 "start a worker of the newer program, or end those that are alive "
					 "and do not read the stream"},
	[TROUBLE_ACK_REFUSED] = {"ack-refused", TROUBLE_STOP, false,
				 "entries are handled, stay pending, and are not read any more beyond 10000",
				 "let Redis accept XACK: memory, the ACL, or a proxy in between"},
	[TROUBLE_FORWARDING_REFUSED] = {"forwarding-refused", TROUBLE_STOP, false,
					"commands that belong in another stream wait; beyond 1000 the stream "
					"is not read",
					"let Redis accept XADD to the other streams: memory, or the ACL"},
	[TROUBLE_EVENTS_REFUSED] =
		{"events-refused", TROUBLE_STOP, false,
		 "events wait in the database; commands wait only if another trouble says so",
		 "correct what the error names; events are published afterwards, in order"},
	[TROUBLE_OUTBOX_BEHIND] =
		{"outbox-behind", TROUBLE_STOP, false,
		 "events wait in the database; commands wait only if another trouble says so",
		 "look at the worker's log, and at Redis' SLOWLOG"},
	[TROUBLE_OUTBOX_DAMAGED] =
		{"outbox-damaged", TROUBLE_STOP, false,
		 "events of the SKUs in that partition wait; commands wait only if another trouble says so",
		 "restore the row, or give up its events: see docs/operating.md"},
	[TROUBLE_REDIS_OOM] = {"redis-oom", TROUBLE_HARM, false,
			       "events go out on channels only, and may come twice; they are missing in the "
			       "event stream",
			       "raise Redis' maxmemory (CONFIG SET maxmemory), with maxmemory-policy "
			       "noeviction"},
	[TROUBLE_STREAM_LOST] = {"stream-lost", TROUBLE_HARM, false,
				 "these commands are not handled: their publishers have to send them again",
				 "find who trims or deletes entries: publishers must add without MAXLEN; "
				 "the log (`entries lost`) says which stream and when"},
	[TROUBLE_STREAM_BEHIND] = {"stream-behind", TROUBLE_HARM, false, "its messages are handled late",
				   "nothing, while allocd_stream_lag_entries falls; if it lasts: "
				   "docs/scaling.md"},
	[TROUBLE_SKU_PARKED] = {"sku-parked", TROUBLE_HARM, false,
				"messages of these SKUs wait; all others are handled",
				"look in pg_locks for the session that holds the row, and end it"},
	[TROUBLE_PUBSUB_PAUSED] = {"pubsub-paused", TROUBLE_HARM, false,
				   "commands on channels wait in Redis, which drops a subscriber that does "
				   "not read for long",
				   "free the SKUs that are held up: see the trouble sku-parked"},
	[TROUBLE_DEAD_LETTERS_FULL] =
		{"dead-letters-full", TROUBLE_HARM, false,
		 "the oldest rejected and invalid ones are deleted for new ones",
		 "run `allocd dead-letters list --group`, then replay or discard, or raise "
		 "ALLOCD_DEAD_LETTERS_MAX"},
	[TROUBLE_MAIL_UNREACHABLE] = {"mail-unreachable", TROUBLE_HARM, false,
				      "mails wait in the database, and are retried",
				      "look at the worker's log for what the mail server said"},
	[TROUBLE_VERIFY_FAILED] =
		{"verify-failed", TROUBLE_HARM, false,
		 "messages and reads that concern these places may use wrong data",
		 "run `allocd verify` again, which prints them, and correct or restore them: see "
		 "docs/operating.md"},
	[TROUBLE_VIEW_STALE] = {"view-stale", TROUBLE_HARM, false,
				"GET /allocations answers wrongly for these lines; commands are not affected",
				"run `allocd rebuild-view`"},
	[TROUBLE_QUEUE_FULL] = {"queue-full", TROUBLE_NOTE, false,
				"intake is paused: streams and pub/sub wait in Redis, commands over HTTP get "
				"503",
				"nothing, while messages are committed; if it lasts: docs/scaling.md"},
	[TROUBLE_DEAD_LETTERS_NEW] = {"dead-letters-new", TROUBLE_NOTE, false,
				      "these messages were not handled, and wait for a person",
				      "run `allocd dead-letters list --group --since 1h`"},
	[TROUBLE_NOBODY_LISTENS] = {"nobody-listens", TROUBLE_NOTE, false,
				    "the event stream and GET /events still have these events",
				    "start the consumers, if they are to listen on channels"},
	[TROUBLE_CLOCK_SKEW] = {"clock-skew", TROUBLE_NOTE, false,
				"the times that the worker logs and shows are not those of messages and "
				"events, which have the database's",
				"let both machines keep their clocks by NTP"},
};

const char *trouble_severity_name(enum trouble_severity severity)
{
	static const char *const names[] = {
		[TROUBLE_NOTE] = "note", [TROUBLE_HARM] = "harm", [TROUBLE_STOP] = "stop"};

	return names[severity];
}

void trouble_list_begin(struct trouble_list *list)
{
	for (size_t i = 0; i < TROUBLE_CODES; i++)
		list->by_code[i].is_noted = false;
}

void trouble_list_end(struct trouble_list *list)
{
	for (size_t i = 0; i < TROUBLE_CODES; i++)
		list->by_code[i].is_open = list->by_code[i].is_noted;
}

void trouble_list_note(struct trouble_list *list, enum trouble_code code, int64_t since_us,
		       const char *advice, const char *format, ...)
{
	struct trouble *trouble = &list->by_code[code];
	va_list arguments;

	if (trouble->is_noted)
		return;
	if (!trouble->is_open || since_us < trouble->since_us)
		trouble->since_us = since_us;
	trouble->is_open = trouble->is_noted = true;
	trouble->advice = advice ? advice : trouble_kinds[code].advice;
	va_start(arguments, format);
	utf8_vformat(trouble->text, sizeof trouble->text, format, arguments);
	va_end(arguments);
}

bool trouble_list_has(const struct trouble_list *list, enum trouble_severity severity)
{
	for (size_t i = 0; i < TROUBLE_CODES; i++) {
		if (list->by_code[i].is_open && trouble_kinds[i].severity == severity)
			return true;
	}
	return false;
}
