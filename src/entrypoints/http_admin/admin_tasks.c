/* Runs commands for requests, and remembers the output of reads. */
#include "entrypoints/http_admin/admin_tasks.h"

#include "adapters/system/instants.h"
#include "core/base/memory_stream.h"
#include "core/base/must.h"

#include <jansson.h>
#include <string.h>

/* The largest output of a command, and how many reads are remembered. */
#define OUTPUT_MAX          ((size_t)16 * 1024 * 1024)
#define REMEMBERED_MAX      16
#define REMEMBERED_MAX_SIZE ((size_t)1024 * 1024)

/* A read ends before the request's own deadline. */
#define READ_MS 4500

/* A read is remembered for this many times as long as it took, between these times. */
#define REMEMBER_TIMES  5
#define REMEMBER_MS     1000
#define REMEMBER_MAX_MS 5000

/* A read that was ended at its deadline is not repeated at once. */
#define REMEMBER_LATE_MS 10000

struct waiter {
	struct waiter *next;
	struct exchange *exchange;
	admin_reply *reply;
	admin_log *log; /* or NULL */
	void *context;
};

struct admin_task {
	struct admin_task *next;
	struct http_admin *admin;
	bool is_read;
	char *key; /* of a read that others may share: its words; or NULL */
	bool is_over;
	bool is_answering; /* its result is in use */
	int64_t began_ms, expires_ms;
	struct waiter *waiters;
	struct admin_result result;
	char *error; /* of the result */
};

/* ---- answers ---- */

struct http_refusal admin_refusal_of(const struct child_end *end, bool is_change)
{
	static const struct {
		int status, code;
		const char *type;
	} kinds[] = {
		{STATUS_USAGE, 400, PROBLEM_INVALID},
		{STATUS_UNAVAILABLE, 503, PROBLEM_DATABASE_AWAY},
		{STATUS_TRY_AGAIN, 503, PROBLEM_DATABASE_AWAY},
		{CHILD_CANNOT_RUN, 503, PROBLEM_CANNOT_RUN},
	};
	const char *text = *end->error ? end->error : "The command failed: see the log";

	if (end->cut == CHILD_WAS_TOO_LONG)
		return (struct http_refusal){500, PROBLEM_INTERNAL, "The answer is too large: ask for less"};
	if (end->cut == CHILD_WAS_LATE || end->status < 0)
		return (struct http_refusal){
			503, PROBLEM_LATE,
			is_change
				? "Perhaps done: the command was ended before it had finished; look before you repeat it"
				: "The command was ended before it had an answer; retry later"};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (end->status == kinds[i].status)
			return (struct http_refusal){kinds[i].code, kinds[i].type, text};
	}
	return (struct http_refusal){500, PROBLEM_INTERNAL, text};
}

void admin_reply_failure(const struct http_call *call, const struct child_end *end)
{
	struct http_refusal refusal = admin_refusal_of(end, false);

	reply_refusal(call, &refusal);
}

void admin_reply_failed_change(const struct http_call *call, const struct child_end *end, json_t *line)
{
	struct http_refusal refusal = admin_refusal_of(end, true);

	reply_problem_with(call, refusal.status, refusal.type, refusal.message, json_incref(line));
}

bool admin_reply_count_changed(const struct http_call *call, json_t *line)
{
	if (!json_object_get(line, "expected"))
		return false;
	reply_problem_with(call, 409, PROBLEM_COUNT_CHANGED,
			   "Not done: the number of dead letters that match is not the expected one",
			   json_incref(line));
	return true;
}

void admin_reply_busy(struct exchange *exchange)
{
	static const struct http_refusal busy = {503, PROBLEM_TOO_BUSY,
						 "Not done: too many commands run already; retry later"};
	static const struct http_refusal refused = {
		503, PROBLEM_CANNOT_RUN,
		"Not done: the system lets the worker start no command; see the log"};

	reply_refusal(exchange_detach(exchange),
		      children_are_refused(exchange->api->admin->children) ? &refused : &busy);
	exchange_free(exchange);
}

static void reply_to(struct waiter *waiter, const struct admin_result *result)
{
	const struct http_call *call = exchange_detach(waiter->exchange);

	if (waiter->log)
		waiter->log(waiter->exchange->api->admin->logger, result, waiter->context);
	if (call)
		waiter->reply(call, result, waiter->context);
	exchange_free(waiter->exchange);
}

/* ---- tasks ---- */

static void free_task(struct http_admin *admin, struct admin_task *task)
{
	struct admin_task **place = &admin->tasks;

	while (*place != task)
		place = &(*place)->next;
	*place = task->next;
	free(task->key);
	free(task->error);
	free(task->result.output.text);
	free(task);
}

void admin_tasks_free(struct http_admin *admin)
{
	while (admin->tasks)
		free_task(admin, admin->tasks);
}

static void expire(struct http_admin *admin, int64_t now_ms)
{
	struct admin_task *next;

	for (struct admin_task *task = admin->tasks; task; task = next) {
		next = task->next;
		if (task->is_over && !task->is_answering && task->expires_ms <= now_ms)
			free_task(admin, task);
	}
}

/* After a change.  A read that runs has perhaps not seen the change: the next request does not share it. */
void admin_tasks_forget(struct http_admin *admin)
{
	for (struct admin_task *task = admin->tasks; task; task = task->next) {
		free(task->key);
		task->key = NULL;
		task->expires_ms = 0;
	}
}

static void add_line(void *context, const char *line, size_t size)
{
	struct admin_output *output = &((struct admin_task *)context)->result.output;
	size_t needed = output->size + size + ADMIN_SEPARATOR_SIZE;

	if (needed > output->room) {
		output->room = needed > 2 * output->room ? needed : 2 * output->room;
		output->text = must(realloc(output->text, output->room));
	}
	if (output->lines++) {
		memcpy(output->text + output->size, ADMIN_SEPARATOR, ADMIN_SEPARATOR_SIZE);
		output->size += ADMIN_SEPARATOR_SIZE;
	}
	output->before_last_at = output->last_at;
	output->last_at = output->size;
	memcpy(output->text + output->size, line, size);
	output->size += size;
}

static size_t count_remembered(const struct http_admin *admin)
{
	size_t count = 0;

	for (const struct admin_task *task = admin->tasks; task; task = task->next)
		count += task->is_over;
	return count;
}

int64_t admin_remembered_ms(const struct child_end *end, int64_t took_ms)
{
	int64_t ms = took_ms * REMEMBER_TIMES;

	if (end->cut != CHILD_ENDED_ITSELF)
		return end->cut == CHILD_WAS_LATE ? REMEMBER_LATE_MS : 0;
	if (end->status != STATUS_DONE || ms < REMEMBER_MS)
		return REMEMBER_MS;
	return ms < REMEMBER_MAX_MS ? ms : REMEMBER_MAX_MS;
}

static int64_t expiry(const struct admin_task *task, int64_t now_ms)
{
	if (!task->key || task->result.output.size > REMEMBERED_MAX_SIZE ||
	    count_remembered(task->admin) > REMEMBERED_MAX)
		return 0;
	return now_ms + admin_remembered_ms(&task->result.end, now_ms - task->began_ms);
}

static void on_ended(void *context, const struct child_end *end)
{
	struct admin_task *task = context;
	struct waiter *waiter = task->waiters, *next;

	task->error = must(strdup(end->error));
	task->result.end = *end;
	task->result.end.error = task->error;
	task->is_over = task->is_answering = true;
	if (!task->is_read)
		admin_tasks_forget(task->admin);
	task->expires_ms = expiry(task, monotonic_ms());
	task->waiters = NULL;
	for (; waiter; waiter = next) {
		next = waiter->next;
		reply_to(waiter, &task->result);
	}
	task->is_answering = false;
	expire(task->admin, monotonic_ms());
}

/* ---- requests ---- */

static char *key_of(const char *const *words)
{
	char *key;
	size_t size;
	FILE *out = memory_stream_open(&key, &size);

	for (; *words; words++)
		fprintf(out, "%zu:%s", strlen(*words), *words);
	fclose(out);
	return key;
}

/* Frees the key unless a new task takes it. */
static struct admin_task *start(struct http_admin *admin, const char *const *words, char *key,
				int deadline_ms)
{
	struct admin_task *task = must_alloc(sizeof *task);

	*task = (struct admin_task){.next = admin->tasks,
				    .admin = admin,
				    .key = key,
				    .is_read = key != NULL,
				    .began_ms = monotonic_ms()};
	admin->tasks = task;
	if (!admin->is_stopping &&
	    child_start(admin->children, &(struct child_call){.arguments = words,
							      .hides_arguments = true,
							      .deadline_ms = deadline_ms,
							      .output_max = OUTPUT_MAX,
							      .line = add_line,
							      .ended = on_ended,
							      .context = task}))
		return task;
	free_task(admin, task);
	return NULL;
}

static void wait(struct admin_task *task, struct exchange *exchange, admin_reply *reply, admin_log *log,
		 void *context)
{
	struct waiter *waiter;

	if (!task) {
		admin_reply_busy(exchange);
		return;
	}
	waiter = arena_alloc(exchange->arena, sizeof *waiter);
	*waiter = (struct waiter){task->waiters, exchange, reply, log, context};
	if (task->is_over)
		reply_to(waiter, &task->result);
	else
		task->waiters = waiter;
}

static struct admin_task *find(const struct http_admin *admin, const char *key)
{
	struct admin_task *task = admin->tasks;

	while (task && (!task->key || strcmp(task->key, key) != 0))
		task = task->next;
	return task;
}

static bool has_room_for_read(const struct http_admin *admin)
{
	size_t running = 0;

	for (const struct admin_task *task = admin->tasks; task; task = task->next)
		running += task->is_read && !task->is_over;
	return running < ADMIN_READS_MAX && children_count(admin->children) < CHILDREN_MAX - 1;
}

void admin_read(struct exchange *exchange, const char *const *words, admin_reply *reply, void *context)
{
	struct http_admin *admin = exchange->api->admin;
	char *key = key_of(words);
	struct admin_task *task;

	expire(admin, monotonic_ms());
	task = find(admin, key);
	if (task || !has_room_for_read(admin))
		free(key);
	else
		task = start(admin, words, key, READ_MS);
	wait(task, exchange, reply, NULL, context);
}

void admin_write(struct exchange *exchange, const char *const *words, int deadline_ms, admin_reply *reply,
		 admin_log *log, void *context)
{
	wait(start(exchange->api->admin, words, NULL, deadline_ms), exchange, reply, log, context);
}
