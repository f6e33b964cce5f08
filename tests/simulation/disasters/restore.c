/*
 * The database is restored from a backup of a few steps ago, and an operator renews the outbox, as
 * docs/operating.md says, "A restored database".
 *
 * What was committed since is undone.  Commands over HTTP and on pub/sub are lost by that, though they
 * were answered, and events of it that were published are true no more; what waits to be published gets
 * the next epoch.  Entries of streams are read again, if the operator moves the groups back; then none is
 * lost, but they come behind those that were read since.
 *
 * The workers are stopped before, or they run on: then the recovery has raised the timeline.
 */
#include "simulation/disasters/disaster.h"

#include "simulation/ledger_order.h"
#include "simulation/losses.h"
#include "simulation/run.h"
#include "simulation/schedule/schedule.h"

#include "adapters/memory/database/backup.h"
#include "bus/unit_of_work/outbox_frame.h"

/* This long after the renewal the workers take commands again, and know who handles pub/sub. */
#define SETTLED_MS 15000

/* An operator renews the outbox within this time. */
#define RENEWED_MS 8000

#define GROUP "allocd"

void database_backed_up(struct run *run)
{
	story("a backup of the database is made");
	run->disaster.backup = database_back_up(world->database);
	cursors_begin();
}

/* ---- what is undone ---- */

static bool is_in(const struct database *database, const struct ledger *ledger, const struct entry *entry)
{
	for (size_t i = 0; i < database->inbox_count; i++) {
		const struct inbox_row *row = database->inbox_list[i];

		if (ledger_is_of_message(row) && ledger_spender(ledger, row->id, row->digest) == entry)
			return true;
	}
	return false;
}

static bool was_answered(const struct entry *entry)
{
	for (int i = 0; i < REPLICAS; i++) {
		if (entry->sent[i] && entry->sent[i]->answers)
			return true;
	}
	return false;
}

/*
 * Whether its outcome is committed; then its sender does not send it again, and its stream does not
 * deliver it.
 */
static bool has_outcome(const struct ledger *ledger, const struct entry *entry)
{
	return was_answered(entry) || is_in(world->database, ledger, entry) || ledger_dead_letters(entry);
}

/*
 * An event on its way over streams that divide the SKUs may be ahead of what is undone: the next stream
 * has it as done on the one before.  Then it ends without that part, or twice.
 */
static void undo_entry(const struct run *run, struct entry *entry, bool streams_go_back)
{
	bool is_in_backup = is_in(run->disaster.backup, &run->ledger, entry);
	bool is_kept = is_in_backup || !has_outcome(&run->ledger, entry);
	bool comes_again = entry->transport == TRANSPORT_STREAM && streams_go_back;

	entry->again |= entry->type == MSG_ORDER_CANCELLED && is_on_divided_stream(entry) && !is_in_backup;

	entry->was_acceptable = false; /* by the restored database it may be rejected */
	entry->lost_place |= !is_kept;
	entry->may_be_missing |= !is_kept && !comes_again;
	for (int i = 0; i < entry->broadcast_count; i++)
		entry->broadcasts[i]->may_be_lost = entry->broadcasts[i]->may_be_reconsidered = true;
}

static void undo_entries(const struct run *run, bool streams_go_back)
{
	for (int i = 0; i < run->ledger.count; i++)
		undo_entry(run, run->ledger.entries[i], streams_go_back);
}

/* Events that may have been published, and that the outbox does not have any more, or not with this epoch. */
static void note_events(struct run *run)
{
	struct map *superseded = &run->ledger.superseded;
	struct outgoing *events = NULL;
	size_t count = 0;

	superseded->arena = world->arena;
	for (int partition = 0; partition < PARTITIONS; partition++) {
		const struct outbox_partition *it = &world->database->outbox[partition];

		for (size_t row = 0; row < it->count; row++)
			expect_that(outbox_frame_decode(world->arena, it->rows[row].frame, &events, &count),
				    "an outbox row cannot be read");
	}
	for (size_t i = 0; i < count; i++)
		map_put(superseded, arena_text(world->arena, events[i].payload.data, events[i].payload.size),
			arena_alloc(world->arena, sizeof(bool)));
}

/* ---- the restore ---- */

static void lose_sessions(const struct run *run)
{
	for (int i = 0; i < run->chaos.workers; i++) {
		struct world *its = replicas[i].world;

		for (size_t lane = 0; lane < its->config.lanes; lane++)
			memory_store_lose_session(its->lanes[lane]);
		memory_store_lose_session(its->parking);
		memory_store_lose_session(its->intake);
		memory_store_lose_session(its->publisher);
		memory_store_lose_session(its->housekeeper);
	}
}

/* Moves each group back to where the restored database knows that all is handled. */
static void move_streams_back(void)
{
	for (int i = 0; i < STREAMS; i++) {
		const struct stream_row *row = database_stream(world->database, stream_name(i));

		if (memory_stream_has_group(shared_streams[i], GROUP))
			memory_stream_move_group(shared_streams[i], GROUP,
						 row ? row->record.done : (struct stream_id){0});
	}
}

static void restore(struct run *run, bool streams_go_back)
{
	undo_entries(run, streams_go_back);
	note_events(run);
	database_restore(world->database, run->disaster.backup);
	losses_restored();
	cursors_restored();
	if (streams_go_back)
		move_streams_back();
}

/* ---- the renewal ---- */

static bool renew_event(void *context, struct outgoing *event, struct arena *arena)
{
	struct codec *codec = &world->codec.codec;
	const struct database *database = context;
	struct envelope envelope;
	const char *error;

	if (event->type == MSG_COMMAND_REJECTED)
		return false;
	expect_that(codec->ops->decode(codec, event->type, event->payload, arena, &envelope, &error), "%s",
		    error);
	message_set_number(&envelope.message, "epoch", database->lives + 1);
	expect_that(codec->ops->encode(codec, &envelope, arena, &event->payload, &error), "%s", error);
	return true;
}

static void renew_row(struct database *database, struct stored_outbox_row *row)
{
	struct rewritten_frame rewritten;
	size_t event = 0, begin = 0;

	expect_that(outbox_frame_rewrite(database->arena, row->frame, renew_event, database, &rewritten),
		    "an outbox row cannot be read");
	if (!rewritten.rewritten)
		return;
	row->frame = rewritten.frame;
	row->parts = arena_copy(database->arena, row->parts, row->part_count * sizeof *row->parts);
	for (size_t i = 0; i < row->part_count; i++) {
		struct stored_outbox_part *part = &row->parts[i];

		event += (size_t)(part->last_version - part->first_version + 1);
		part->begin = begin;
		part->size = rewritten.ends[event - 1] - begin;
		begin = rewritten.ends[event - 1];
	}
}

/* As `allocd outbox renew` does: what is not published gets the next epoch. */
static void renew(struct run *run)
{
	struct database *database = world->database;

	story("an operator renews the outbox");
	note_events(run);
	for (int partition = 0; partition < PARTITIONS; partition++) {
		struct outbox_partition *it = &database->outbox[partition];

		for (size_t row = (size_t)it->cursor; row < it->count; row++)
			renew_row(database, &it->rows[row]);
	}
	database_renew(database);
	losses_excuse_until(simulation_now_ms(world->simulation) + SETTLED_MS);
}

static void wait_for_operator(struct run *run)
{
	if (pick(run, 2))
		send_burst(run);
	world_advance_ms(world, pick(run, RENEWED_MS));
}

/* ---- both ways ---- */

/*
 * A worker that runs on ends the processes that it has begun, though the database does not have them any
 * more, or not all of their commands: such an event may have a part of its effect.  Or it begins again,
 * under another number: those of a promoted standby are ahead of what it has received.  So it may end one
 * whose end is undone, as it was not answered.
 */
static void keep_processes(const struct run *run, const struct database *before)
{
	struct database *database = world->database;

	for (size_t i = 0; i < database->process_count; i++) {
		if (!before->processes[i]->deleted || !database->processes[i]->deleted)
			ledger_entry(&run->ledger, before->processes[i]->inbox.id)->again = true;
	}
	for (size_t i = database->process_count; i < before->process_count; i++) {
		struct process_row *row = before->processes[i];

		row->deleted = true;
		row->began_after = SIZE_MAX;
		database->processes = arena_grow(world->database->arena, database->processes,
						 database->process_count, sizeof *database->processes);
		database->processes[database->process_count++] = row;
		ledger_entry(&run->ledger, row->inbox.id)->again = true;
	}
}

/*
 * The clients that were answered 503 try again, until the worker has found out that the outbox was
 * renewed.
 */
static void ask_again(struct run *run, int worker)
{
	while (!engine_takes_commands(replicas[worker].world->engine))
		world_advance_ms(world, 100);
	for (int i = 0; i < run->ledger.count; i++) {
		struct entry *entry = run->ledger.entries[i];

		if (entry->is_refused[worker] && !ledger_is_answered(entry, worker))
			ledger_deliver(entry, worker);
	}
}

static void restore_between(struct run *run, bool streams_go_back)
{
	bool renews_before = pick(run, 2);

	story("all workers are stopped, and the database is restored from the backup");
	for (int i = 0; i < run->chaos.workers; i++)
		kill_worker(i);
	restore(run, streams_go_back);
	if (pick(run, 2))
		database_promote(world->database);
	if (renews_before)
		renew(run);
	for (int i = 0; i < run->chaos.workers; i++)
		succeed_worker(run, i);
	if (renews_before)
		return;
	wait_for_operator(run);
	renew(run);
	for (int i = 0; i < run->chaos.workers; i++)
		ask_again(run, i);
}

/*
 * One worker reaches the database only after others have worked with it for a while: it knows the former
 * epoch.
 */
static void let_others_work(struct run *run, int late)
{
	for (int i = pick(run, 8); i > 0; i--) {
		send_burst(run);
		world_advance_ms(world, pick(run, 100));
	}
	thaw_replica(late);
}

/*
 * A worker reads on, until it has read the restored leases, and no one closes its connections: they name
 * those of the backup.  What it reads is handled when it has lost the lease, behind later entries.
 */
static void lose_places(const struct run *run, int first_later)
{
	for (int i = 0; i < run->ledger.count; i++) {
		struct entry *entry = run->ledger.entries[i];

		entry->lost_place |= entry->transport == TRANSPORT_STREAM &&
				     (i >= first_later || !has_outcome(&run->ledger, entry));
	}
}

static void restore_under(struct run *run)
{
	struct database before = *world->database;
	int late = pick(run, 2 * run->chaos.workers), first_later = run->ledger.count;

	story("the database is restored from the backup, while workers run");
	if (late < run->chaos.workers) {
		story("worker %d is cut off from the database", late);
		cut_database_of_replica(late);
	}
	lose_places(run, first_later);
	restore(run, false);
	keep_processes(run, &before);
	database_promote(world->database);
	lose_sessions(run);
	if (pick(run, 2))
		wait_for_operator(run);
	renew(run);
	if (late < run->chaos.workers)
		let_others_work(run, late);
	world_advance_ms(world, LEASE_TTL_MS);
	lose_places(run, first_later);
}

void database_restored(struct run *run)
{
	if (pick(run, 2)) { /* then there is something to undo */
		send_burst(run);
		world_advance_ms(world, pick(run, 200));
	}
	if (pick(run, 2))
		restore_between(run, pick(run, 4));
	else
		restore_under(run);
	send_burst(run);
}
