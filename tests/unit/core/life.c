/* Leads lives of a product: random commands, against a naive model. */
#include "life.h"

#include "core/product_repository.h"
#include "dump.h"
#include "repository.h"
#include "support/model.h"
#include "support/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_A_UNIT 6
#define TRIES_MAX       2000 /* a command that needs more loads than these never ends */
#define NAMES           64
#define MOVE_MAX        7 /* few lines in a step, so that shrinks often take several steps */

/* ---- chance ---- */

static struct life_chance chance;

/* From `low` to `high`, both included. */
static int between(int low, int high)
{
	return low + (int)(chance.draw(chance.context) % (uint64_t)(high - low + 1));
}

static bool percent(int likelihood)
{
	return between(1, 100) <= likelihood;
}

/* ---- a life ---- */

/* What is the same for a whole life, so that lives differ. */
struct temper {
	int batches, orders, etas;  /* how many different ones there are */
	int stock_max, line_max;    /* quantities */
	int allocate, change;       /* in percent; the rest are new batches */
	int release;                /* in percent of the allocates: deallocate or ship instead */
	int page;                   /* how much is loaded at once */
	int unit;                   /* commands in a unit of work */
	int loss, failure, surplus; /* in percent: units lost, commands undone, things loaded without need */
};

struct command {
	enum message_type type;
	const char *reference;
	const char *orderid;
	int32_t qty;
	int32_t eta;
	int64_t occurred_at;
};

static char references[NAMES][16], orderids[NAMES][16];

static const char *name; /* of the life, and */
static int step;         /* the current position, for the report of a failure */
static struct temper temper;
static struct flat kept;   /* the database */
static struct model model; /* what the database must be once no shrink continues */
static int heard;          /* how many of the model's events the product has raised */
static struct arena *arena;
static struct journal journal;
static struct product *product;

#define must(condition, what)                                                                                \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			ck_abort_msg("%s, step %d: %s", name, step, what);                                   \
	} while (0)

static void begin_life(void)
{
	temper = (struct temper){
		.batches = between(1, 20),
		.orders = between(1, NAMES),
		.etas = between(1, 4),
		.stock_max = percent(50) ? between(1, 100) : between(1, 12),
		.line_max = percent(80) ? between(1, 12) : between(20, 60),
		.allocate = between(40, 85),
		.change = between(5, 15),
		.release = percent(80) ? between(1, 60) : 0,
		.page = between(1, 4),
		.unit = between(1, COMMANDS_A_UNIT),
		.loss = percent(50) ? between(1, 30) : 0,
		.failure = percent(50) ? between(1, 30) : 0,
		.surplus = percent(50) ? between(1, 50) : 0,
	};
	memset(&kept, 0, sizeof kept);
	memset(&model.flat, 0, sizeof model.flat);
	model.event_count = heard = 0;
}

/* Usually names a line that is stored, because few others are. */
static void name_some_line(struct command *command)
{
	const struct flat_line *line = &kept.lines[between(0, kept.line_count ? kept.line_count - 1 : 0)];

	if (!kept.line_count || percent(20))
		return;
	command->orderid = line->orderid;
	command->qty = line->qty;
}

static struct command any_command(void)
{
	struct command command = {
		.reference = references[between(0, temper.batches - 1)],
		.orderid = orderids[between(0, temper.orders - 1)],
		.eta = percent(30) ? IN_WAREHOUSE : between(1, temper.etas),
		.occurred_at = percent(50) ? NO_INSTANT : between(step / 2, step),
	};
	int kind = between(1, 100);

	if (kind <= temper.allocate) {
		command.type = !percent(temper.release) ? MSG_ALLOCATE
			       : percent(50)            ? MSG_DEALLOCATE
							: MSG_SHIP;
		command.qty = between(1, temper.line_max);
		if (command.type != MSG_ALLOCATE)
			name_some_line(&command);
	} else if (kind <= temper.allocate + temper.change) {
		command.type = MSG_CHANGE_BATCH_QUANTITY;
		command.qty = percent(20) ? 0 : between(0, temper.stock_max);
	} else {
		command.type = MSG_CREATE_BATCH;
		command.qty = between(1, temper.stock_max);
	}
	return command;
}

/* ---- loading, as little or as much as chance wants ---- */

static bool names_line(const struct command *command)
{
	return command->type == MSG_ALLOCATE || command->type == MSG_DEALLOCATE || command->type == MSG_SHIP;
}

static void load_what_is_named(const struct command *command)
{
	struct batch *batch;

	if (names_line(command)) {
		repository_load_line(&kept, product, command->orderid, command->qty);
		return;
	}
	repository_load_batch(&kept, product, command->reference);
	batch = product_batch(product, command->reference);
	if (batch && percent(30))
		repository_load_newest_lines(&kept, product, batch, between(1, 10));
}

static void load_without_need(void)
{
	struct batch *batch = product->batches;

	repository_load_batch(&kept, product, references[between(0, temper.batches - 1)]);
	repository_load_line(&kept, product, orderids[between(0, temper.orders - 1)],
			     between(1, temper.line_max));
	if (batch)
		repository_load_newest_lines(&kept, product, batch, between(0, 3));
}

static void load_product(void)
{
	arena_clear(arena);
	product = repository_load(&kept, arena, &journal, MOVE_MAX);
	if (percent(60))
		repository_load_range(&kept, product, 1, PREFERENCE_START, between(0, temper.page));
}

/* ---- one message: all of it, or nothing ---- */

static void undo_to(char **before)
{
	char *after;

	journal_undo(&journal);
	after = dump_product(product);
	if (strcmp(*before, after) != 0)
		ck_abort_msg("%s, step %d: undone, and not as before:\n%s---\n%s", name, step, *before,
			     after);
	free(after);
	free(*before);
	*before = NULL;
}

static enum verdict change_quantity(const struct command *command)
{
	struct batch *batch = product_batch(product, command->reference);

	if (!batch)
		return REJECT_UNKNOWN_BATCH;
	return product_change_quantity(product, batch, command->qty, command->occurred_at);
}

static enum verdict begin(const struct command *command)
{
	struct order_line line;

	if (!command)
		return product_continue_shrink(product);
	line = (struct order_line){command->orderid, "chair", command->qty};
	if (command->type == MSG_ALLOCATE)
		return product_allocate(product, &line);
	if (command->type == MSG_DEALLOCATE)
		return product_deallocate(product, &line);
	if (command->type == MSG_SHIP)
		return product_ship(product, &line);
	if (command->type == MSG_CREATE_BATCH)
		return product_add_batch(product, command->reference, command->qty, command->eta);
	return change_quantity(command);
}

static bool is_shrunk(const struct message *event)
{
	return event->type == MSG_LINE_DEALLOCATED &&
	       !strcmp(event->as.line_deallocated.reason, LINE_DEALLOCATED_REASON_BATCH_SHRUNK);
}

/* Reallocates as the message bus does: for every line_deallocated, a displaced line is allocated again. */
static enum verdict attempt(const struct command *command)
{
	enum verdict verdict = begin(command);

	for (const struct event *event = product->events; event && verdict == ACCEPTED; event = event->next) {
		if (is_shrunk(&event->message))
			verdict = product_reallocate_next(product);
	}
	return verdict;
}

/*
 * Returns the verdict on the command, or on a shrink's step, after loading as needed. `*before`: the prior
 * state.
 */
static enum verdict decide(const struct command *command, char **before)
{
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		enum verdict verdict;

		*before = dump_product(product);
		verdict = attempt(command);
		if (verdict != NEEDS_MORE)
			return verdict;
		undo_to(before);
		repository_load_need(&kept, product, temper.page);
	}
	ck_abort_msg("%s, step %d: it needs more after every load", name, step);
}

/* ---- does it agree with the model? ---- */

static bool is_same(const char *text, const char *other)
{
	return text && other ? !strcmp(text, other) : text == other;
}

static bool is_event(const struct message *message, const struct model_event *expected)
{
	const char *batchref = message_text(message, "batchref"), *reason = message_text(message, "reason");

	return message->type == expected->type &&
	       !strcmp(message_text(message, "orderid"), expected->orderid) &&
	       !strcmp(message_text(message, "sku"), "chair") &&
	       message_number(message, "qty") == expected->qty &&
	       message_number(message, "version") == expected->version &&
	       is_same(batchref, expected->batchref) && is_same(reason, expected->reason);
}

/* Asserts that the events raised since are the model's next ones; returns their number. */
static int hear_events(void)
{
	int count = 0;

	for (const struct event *event = product_collect_events(product); event;
	     event = event->next, count++) {
		must(heard < model.event_count, "an event that should not be");
		must(is_event(&event->message, &model.events[heard]), "another event than expected");
		heard++;
	}
	return count;
}

static enum verdict ask_model(const struct command *command)
{
	if (command->type == MSG_ALLOCATE)
		return model_allocate(&model, command->orderid, command->qty);
	if (command->type == MSG_DEALLOCATE)
		return model_deallocate(&model, command->orderid, command->qty);
	if (command->type == MSG_SHIP)
		return model_ship(&model, command->orderid, command->qty);
	if (command->type == MSG_CREATE_BATCH)
		return model_add_batch(&model, command->reference, command->qty, command->eta);
	return model_change_quantity(&model, command->reference, command->qty, command->occurred_at);
}

static void handle(const struct command *command)
{
	char *before;
	enum verdict verdict = decide(command, &before);

	if (verdict == ACCEPTED && percent(temper.failure)) {
		if (percent(50))
			product_collect_events(product);
		undo_to(&before);
		return;
	}
	if (verdict == ACCEPTED) {
		journal_forget(&journal);
		free(before);
	} else {
		undo_to(&before);
	}
	must(verdict == ask_model(command), "another verdict than expected");
	hear_events();
	must(product->shrink || heard == model.event_count, "an event is missing");
	must(product->shrink || !product->oldest_displaced, "a line is left displaced");
}

static void compare_with_model(void)
{
	const char *difference = flat_difference(&kept, &model.flat);

	must(heard == model.event_count, "an event is missing");
	if (difference)
		ck_abort_msg("%s, step %d: database and model differ: %s", name, step, difference);
	model.event_count = heard = 0;
}

/* ---- units of work ---- */

static void run_unit(void)
{
	static struct flat before;
	struct command commands[COMMANDS_A_UNIT];
	int count = between(1, temper.unit);

	before = model.flat;
	load_product();
	for (int i = 0; i < count; i++) {
		commands[i] = any_command();
		load_what_is_named(&commands[i]);
	}
	for (int i = 0; i < count && !product->shrink; i++, step++) {
		if (percent(temper.surplus))
			load_without_need();
		handle(&commands[i]);
	}
	if (percent(temper.loss)) {
		model.flat = before;
		model.event_count = heard = 0;
		return;
	}
	repository_flush(&kept, product);
	if (!kept.shrinking)
		compare_with_model();
}

/* Until the shrink is done, no line is allocated from its batch, which has no free stock meanwhile. */
static void check_step(int64_t version, int events)
{
	const struct flat_batch *batch = kept.shrinking ? flat_batch(&kept, kept.shrinking) : NULL;

	must(events <= MOVE_MAX, "a step that is too large");
	must(kept.version == version + events, "versions with gaps");
	if (batch && flat_allocated(&kept, batch->reference) > kept.shrink_target)
		must(flat_free(&kept, batch) == 0, "a shrinking batch has free stock");
}

static void run_step(void)
{
	int heard_before = heard;
	int64_t version_before = kept.version;
	int events;
	char *before;

	load_product();
	must(decide(NULL, &before) == ACCEPTED, "a step is no question");
	if (percent(temper.failure)) {
		undo_to(&before);
		return;
	}
	journal_forget(&journal);
	free(before);
	events = hear_events();
	if (percent(temper.loss)) {
		heard = heard_before;
		return;
	}
	repository_flush(&kept, product);
	check_step(version_before, events);
	if (!kept.shrinking)
		compare_with_model();
}

static void name_things(void)
{
	for (int i = 0; i < NAMES && !*orderids[NAMES - 1]; i++) {
		snprintf(references[i], sizeof references[i], "b%d", i);
		snprintf(orderids[i], sizeof orderids[i], "o%d", i);
	}
}

void life_lead(const char *life, int commands, const struct life_chance *by)
{
	name = life;
	chance = *by;
	name_things();
	arena = arena ? arena : arena_new((size_t)256 * 1024);
	journal_init(&journal);
	begin_life();
	for (step = 0; step < commands || kept.shrinking;) {
		if (kept.shrinking)
			run_step();
		else
			run_unit();
	}
	journal_release(&journal);
}
