/*
 * The outbox of one partition: two workers commit rows and publish them behind the fence in Redis.
 *
 * Read it beside src/bus/publishing/partition_progress.c (what a worker knows), partition_sender.c (its call of
 * Redis), src/adapters/redis/publisher/fence.lua (the script) and the statements INSERT_OUTBOX, READ_CURSORS,
 * MOVE_CURSORS and DELETE_EXPIRED_OUTBOX of src/adapters/postgres/sql/statements.sql.  Times are left out: what
 * a worker does after a while it may do at once, and retention deletes at once what it may.  Each atomic step is one
 * transaction, one run of the script, or one turn of a worker's event loop.  A step that would change nothing is
 * not taken, so every run ends.
 *
 * Guards, which `run` takes out one by one:
 *
 * GUARD_SKIP            the script does not publish a row up to the fence
 * GUARD_GAP             nor one that is not the next one
 * GUARD_KNOWN           it raises the fence to what the worker knows to be published
 * GUARD_INCARNATION     each incarnation of the database has its own fence
 * GUARD_COMPARED        events are committed only after Redis was asked for its position...
 * GUARD_ASKED           ...on this timeline: the answer to an earlier call is ignored,
 * GUARD_CLAIMED         and nothing is committed or published while Redis has more than the database is known to have
 * GUARD_TIMELINE        the commit checks the timeline
 * GUARD_OVERTAKEN       the script publishes nothing of a timeline that is older than the last one it was called for,
 * GUARD_READ_AGAIN      and on a new timeline a worker reads the rows again that it has queued
 * GUARD_RESTORED        nothing is published by a worker that finds less in the database than was there
 * GUARD_CURSOR_FORWARD  the cursor only moves forward,
 * GUARD_CURSOR_HEAD     not beyond the head,
 * GUARD_CURSOR_EPOCH    and not to a position of an earlier incarnation, whose call was late
 * GUARD_RETENTION       rows are deleted up to the cursor only
 *
 * What is assumed, and else goes wrong:
 *
 * ASSUME_ONE_LOSES_DATA  Redis does not lose its fences, and the database its last rows, at one time
 */
#define WORKERS 2
#ifndef ROWS
#define ROWS 2 /* that are committed */
#endif
#ifndef FAULTS
#define FAULTS 2
#endif

/* Invariants, as in docs/architecture.md, "Order, cursors and the fence". */
bool each_row_once = true, each_row_in_order = true, nothing_deleted_unpublished = true;
bool no_row_lost = true, restored_only_after_a_loss = true, all_is_published_in_the_end = true;

/* The database. */
byte row[ROWS + 1];      /* the row at each position; rows are numbered in the order of their commits */
byte rows;               /* that were committed */
byte head, cursor, gone; /* retention has deleted the rows up to `gone` */
byte incarnation = 1, timeline = 1;
bool has_lost;           /* what was committed */

/* Redis. */
byte fence[3];           /* of each incarnation */
byte newest[3];          /* the newest timeline that it was called for */
byte heard;              /* rows that were published, as bits */
bool is_kept = true;     /* Redis has lost no fence, and the outbox was not renewed */
bool redis_lost;         /* its fences */

byte faults = FAULTS;

typedef Call { bit is_sent, is_answered, is_outdated, is_overtaken; byte incarnation, timeline, known, at, it, answer };
typedef Worker {
	bit is_started, is_unasked, is_restored, is_missing;
	byte incarnation, timeline, published, saved, committed, claimed;
	byte waiting[ROWS + 1] /* rows that are queued, by position */
};
Worker worker[WORKERS];
Call call[WORKERS], late; /* late: of a worker that has ended, or has given the call up */
byte save[WORKERS], save_epoch[WORKERS]; /* MOVE_CURSORS under way; also of a worker that has ended */

#define ME      worker[me]
#define MAX(a, b) (a > b -> a : b)
#define MIN(a, b) (a < b -> a : b)
#if ROWS == 2
#define HAS_WAITING (ME.waiting[1] || ME.waiting[2])
#else
#define HAS_WAITING HAS_WAITING
#endif
#define IS_HELD (ME.is_unasked || (GUARD_CLAIMED && ME.claimed) || (GUARD_RESTORED && ME.is_restored))
#define IS_COMPARED (ME.is_started && !(GUARD_COMPARED && ME.is_unasked) && !(GUARD_CLAIMED && ME.claimed) && \
	!ME.is_restored)

/* partition_progress.c: advance(). */
inline advance(position)
{
	ME.published = MAX(ME.published, position);
	ME.committed = MAX(ME.committed, position);
	for (i : 1 .. ROWS) {
		if
		:: i <= ME.published -> ME.waiting[i] = 0
		:: else
		fi
	}
}

/* ---- Redis: fence.lua ---- */

inline publish(c)
{
	if
	:: row[c.at] == c.it -> /* unless the database has lost it */
		for (i : 1 .. c.at - 1) {
			each_row_in_order = each_row_in_order && (heard >> row[i] & 1)
		}
	:: else
	fi;
	each_row_once = !is_kept || !(heard >> c.it & 1);
	assert(each_row_once);
	assert(each_row_in_order);
	heard = heard | 1 << c.it;
	fence[own] = c.at
}

inline run_script(c)
{
	own = (GUARD_INCARNATION -> c.incarnation : 1);
	c.is_overtaken = GUARD_OVERTAKEN && c.timeline < newest[own];
	newest[own] = MAX(newest[own], c.timeline);
	if
	:: !c.is_overtaken -> fence[own] = MAX(fence[own], (GUARD_KNOWN -> c.known : 0))
	:: else
	fi;
	if
	:: c.is_overtaken || c.at == 0 /* it only asks */
	:: !c.is_overtaken && c.at && c.at == fence[own] + 1 -> publish(c)
	:: !c.is_overtaken && c.at && c.at <= fence[own] && !GUARD_SKIP -> publish(c)
	:: !c.is_overtaken && c.at > fence[own] + 1 && !GUARD_GAP -> publish(c)
	:: else
	fi;
	c.answer = fence[own]
}

/* ---- a worker ---- */

/* publisher.c: begin_incarnation(); partition_progress_begin(). */
inline begin_incarnation()
{
	ME.is_started = 1;
	ME.incarnation = incarnation;
	ME.timeline = timeline;
	ME.published = MIN(cursor, head);
	ME.saved = ME.published;
	ME.committed = head;
	ME.claimed = 0;
	ME.is_unasked = 1;
	ME.is_restored = 0;
	ME.is_missing = 0;
	call[me].is_outdated = call[me].is_sent;
	for (i : 1 .. ROWS) {
		ME.waiting[i] = 0
	}
}

/* partition_progress_checked(), then publisher.c: follow_timeline(). */
inline check()
{
	first = MAX(ME.claimed, ME.committed);
	if
	:: GUARD_RESTORED && head < first ->
		ME.is_restored = 1;
		restored_only_after_a_loss = has_lost;
		assert(restored_only_after_a_loss)
	:: else ->
		if
		:: ME.claimed <= head -> advance(ME.claimed); ME.claimed = 0
		:: else
		fi;
		first = MIN(cursor, head);
		advance(first);
		ME.saved = MAX(ME.saved, first);
		ME.committed = MAX(ME.committed, head)
	fi;
	if
	:: ME.timeline != timeline ->
		ME.timeline = timeline;
		ME.is_unasked = 1;
		call[me].is_outdated = GUARD_ASKED && call[me].is_sent;
		if
		:: GUARD_READ_AGAIN ->
			for (i : 1 .. ROWS) {
				ME.waiting[i] = 0
			}
		:: else
		fi
	:: else
	fi
}

inline send(position, content)
{
	call[me].is_sent = 1;
	call[me].incarnation = ME.incarnation;
	call[me].known = ME.published;
	call[me].at = position;
	call[me].it = content;
	call[me].timeline = ME.timeline
}

inline forget(c)
{
	c.is_sent = 0; c.is_answered = 0; c.is_outdated = 0; c.is_overtaken = 0; c.incarnation = 0;
	c.known = 0; c.at = 0; c.it = 0; c.timeline = 0; c.answer = 0
}

/* partition_sender.c: on_position(). */
inline take_answer()
{
	if
	:: call[me].is_outdated || call[me].is_overtaken
	:: else ->
		ME.is_unasked = 0;
		if
		:: ME.is_restored
		:: !ME.is_restored && call[me].answer > ME.committed ->
			ME.claimed = MAX(ME.claimed, call[me].answer)
		:: else -> advance(call[me].answer)
		fi;
		ME.is_missing = call[me].at > ME.published + 1;
		/* Else the row would be sent, and refused, again and again. */
		all_is_published_in_the_end = call[me].known < ME.published || call[me].at != ME.published + 1 ||
			ME.claimed || ME.is_restored;
		assert(all_is_published_in_the_end)
	fi;
	forget(call[me])
}

proctype a_worker(byte me)
{
	byte i, first;

end:	do
	/* publisher.c: check_cursors(); READ_CURSORS */
	:: d_step { !ME.is_started || ME.incarnation != incarnation || ME.timeline != timeline ||
		!ME.is_restored && (ME.committed < head || ME.published < cursor || ME.claimed) ->
		if
		:: !ME.is_started || ME.incarnation != incarnation -> begin_incarnation()
		:: else -> check()
		fi;
		first = 0; i = 0 }

	/* lane.c: lane_flush(); INSERT_OUTBOX.  Its answer may not come. */
	:: atomic { rows < ROWS && IS_COMPARED && (!GUARD_TIMELINE || ME.timeline == timeline) ->
		head++; rows++; row[head] = rows;
		if
		:: ME.incarnation == incarnation -> /* publisher.c: publisher_add() */
			ME.committed = MAX(ME.committed, head);
			ME.waiting[head] = (head > ME.published -> rows : 0)
		:: true
		fi }

	/* READ_OUTBOX, when rows of others are late */
	:: d_step { ME.is_started && !IS_HELD && ME.published < ME.committed && !ME.waiting[ME.published + 1] &&
		ME.published >= gone && ME.published < head ->
		ME.waiting[ME.published + 1] = row[ME.published + 1]; ME.is_missing = 0 }

	/* partition_sender.c: send() */
	:: d_step { ME.is_started && ME.is_unasked && !call[me].is_sent -> send(0, 0) }
	:: d_step { ME.is_started && !IS_HELD && !call[me].is_sent && !ME.is_missing &&
		HAS_WAITING ->
		first = 1;
		do
		:: !ME.waiting[first] -> first++
		:: else -> break
		od;
		send(first, ME.waiting[first]);
		first = 0 }
	:: d_step { call[me].is_answered -> take_answer(); i = 0 }

	/* publisher.c: save(); find_moved() */
	:: d_step { !ME.is_restored && ME.published > ME.saved && !save[me] ->
		save[me] = ME.published; save_epoch[me] = ME.incarnation }
	od
}

/* ---- Redis, the database, and what befalls them ---- */

/* A call whose answer is not awaited any more: Redis may run it later, or never. */
inline give_up(w)
{
	if
	:: call[w].is_sent && !call[w].is_answered ->
		late.is_sent = 1; late.incarnation = call[w].incarnation; late.known = call[w].known;
		late.at = call[w].at; late.it = call[w].it; late.timeline = call[w].timeline
	:: else
	fi;
	forget(call[w])
}

inline kill(w)
{
	give_up(w);
	worker[w].is_started = 0; worker[w].is_unasked = 0; worker[w].is_restored = 0; worker[w].is_missing = 0;
	 worker[w].incarnation = 0; worker[w].timeline = 0; worker[w].published = 0;
	worker[w].saved = 0; worker[w].committed = 0; worker[w].claimed = 0;
	for (i : 1 .. ROWS) {
		worker[w].waiting[i] = 0
	}
}

/* A standby is promoted that lacks the last row. */
inline promote()
{
	row[last] = 0;
	head = last - 1;
	cursor = MIN(cursor, head);
	gone = MIN(gone, head);
	has_lost = true
}

/* DELETE_EXPIRED_OUTBOX, at once */
inline delete_expired()
{
	last = (GUARD_RETENTION -> cursor : head);
	for (i : gone + 1 .. last) {
		nothing_deleted_unpublished = nothing_deleted_unpublished && (heard >> row[i] & 1)
	}
	assert(nothing_deleted_unpublished);
	gone = MAX(gone, last)
}

inline move_cursor(w)
{
	if
	:: (!GUARD_CURSOR_HEAD || save[w] <= head) && (!GUARD_CURSOR_FORWARD || save[w] > cursor) &&
		(!GUARD_CURSOR_EPOCH || save_epoch[w] == incarnation) -> cursor = save[w]
	:: else
	fi;
	if
	:: save_epoch[w] == worker[w].incarnation -> worker[w].saved = MAX(worker[w].saved, save[w])
	:: else
	fi;
	save[w] = 0; save_epoch[w] = 0;
	delete_expired()
}

active proctype world()
{
	byte i, own, w, last;

	run a_worker(0);
	run a_worker(1);
	do
	:: d_step { call[0].is_sent && !call[0].is_answered -> run_script(call[0]); call[0].is_answered = 1; own = 0; i = 0 }
	:: d_step { call[1].is_sent && !call[1].is_answered -> run_script(call[1]); call[1].is_answered = 1; own = 0; i = 0 }
	:: d_step { late.is_sent -> run_script(late); forget(late); own = 0; i = 0 }
	:: d_step { save[0] -> move_cursor(0); i = 0; last = 0 }
	:: d_step { save[1] -> move_cursor(1); i = 0; last = 0 }

	/* An operator runs `allocd outbox renew`: tools.sql, renew_incarnation. */
	:: d_step { incarnation < 2 && (worker[0].is_restored || worker[1].is_restored) ->
		incarnation++; cursor = MIN(cursor, head); is_kept = false }

	/* Faults. */
	:: atomic { faults ->
		faults--;
		select(w : 0 .. WORKERS - 1);
		if
		:: d_step { kill(w); i = 0 }
		:: d_step { w == 0 -> kill(0); kill(1); i = 0 }
		:: d_step { call[w].is_sent -> give_up(w) }
		:: d_step { fence[1] && !(ASSUME_ONE_LOSES_DATA && has_lost) -> /* of a Redis that is new, say */
			fence[1] = 0; fence[2] = 0; newest[1] = 0; newest[2] = 0; is_kept = false; redis_lost = true }
		:: d_step { head && timeline == 1 && !(ASSUME_ONE_LOSES_DATA && redis_lost) ->
			last = head; timeline++; promote(); last = 0 }
		fi;
		w = 0 }

	:: timeout -> break
	od;
	for (i : 1 .. head) {
		no_row_lost = no_row_lost && (heard >> row[i] & 1)
	}
	assert(no_row_lost);
	all_is_published_in_the_end = rows == ROWS && cursor == head;
	assert(all_is_published_in_the_end)
}
