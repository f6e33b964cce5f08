/*
 * The lease of one stream: two workers, of which one at a time reads the stream and commits what its entries say.
 *
 * Read it beside docs/decisions/leases.md, src/bus/leases/leased.c (taking, noting, handing over),
 * src/bus/intake/stream_reader.c (claiming and reading) and the statements CHECK_LEASES, LOCK_LEASE, CHANGE_LEASE
 * and NOTE_LEASE.  Times are left out: a worker may be judged dead at any moment, FAULTS times, and any process may
 * be stopped between two steps for as long as it likes.  Each atomic step is one transaction, one command of Redis,
 * or one turn of an event loop.
 *
 * Guards, which `run` takes out one by one:
 *
 * GUARD_TERM             a unit of work is committed only if the lease bears its term,
 * GUARD_LOCK             which it locks, so a take waits for it or ends its session
 * GUARD_INBOX            an entry that was handled is known
 * GUARD_END              who takes a lease first closes the connections that its last holder reads over...
 * GUARD_END_BEFORE_TAKE  ...before it takes the lease, because it may die in between,
 * GUARD_NOTE_IN_TAKE     and takes it only if it still names these connections
 * GUARD_NOTE_FIRST       a holder notes a connection that was made anew before it reads over it,
 * GUARD_END_OWN          and closes the one before
 * GUARD_END_OF_CALLS     a lease that is handed over names no connections only if no call is under way
 * GUARD_CLAIM_FIRST      a new holder claims what others had read before it reads,
 * GUARD_PENDING_FIRST    and reads pending entries before new ones
 */
#define WORKERS 2
#ifndef ENTRIES
#define ENTRIES 2
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#define CONNECTIONS 8

/* Invariants, as in docs/architecture.md, "Streams", and docs/decisions/leases.md. */
bool each_entry_once = true, entries_in_order = true, nothing_committed_under_an_earlier_term = true;
bool all_is_handled_in_the_end = true;

/* The database: the lease's row, the inbox, and units of work that are being committed and lock the row. */
byte term, holder = WORKERS, note, terms;
byte done;                               /* entries of the inbox, as bits */
byte unit[WORKERS], unit_term[WORKERS];  /* the entry whose unit has checked the lease, and under which term; 0: none */

/* Redis. */
byte added, delivered;                   /* entries of the stream, and to its group */
byte pending[ENTRIES + 1];               /* the worker that has the entry, from 1; 0: it is acknowledged */
byte owner[CONNECTIONS + 1];
bit is_open[CONNECTIONS + 1], is_waiting[CONNECTIONS + 1]; /* the second one: XREADGROUP waits there */
byte reply[CONNECTIONS + 1];             /* the entry that XREADGROUP has brought */
byte connections;                        /* that were made */

byte faults = FAULTS;

typedef Worker {
	byte state;                      /* of enum leased_state */
	byte connection, noted, term, seen_term, seen_note, to_end;
	bit has_claimed, has_pending;    /* has claimed all; has yet to read its pending entries */
	byte hand;                       /* the entry that it handles */
	bit is_committed
};
Worker worker[WORKERS];

#define ELSEWHERE 0
#define ENDING    1
#define TAKING    2
#define HELD      3

#define ME     worker[me]
#define LINE   ME.connection
#define IS_DEAD (holder == WORKERS || worker[holder].state != HELD || worker[holder].term != term)
#define BIT(e) (1 << (e))

inline connect(w)
{
	connections++;
	assert(connections <= CONNECTIONS);
	worker[w].connection = connections;
	owner[connections] = w + 1;
	is_open[connections] = 1
}

inline close(line)
{
	is_open[line] = 0; is_waiting[line] = 0; reply[line] = 0
}

/* leased.c: leased_be_without(). */
inline be_without(w)
{
	worker[w].state = ELSEWHERE; worker[w].noted = 0; worker[w].term = 0; worker[w].seen_term = 0;
	worker[w].seen_note = 0; worker[w].to_end = 0; worker[w].has_claimed = 0; worker[w].has_pending = 0;
	worker[w].hand = 0; worker[w].is_committed = 0
}

/* CHANGE_LEASE */
inline take()
{
	terms++; term = terms; holder = me; note = LINE;
	ME.state = HELD; ME.term = term; ME.noted = LINE; ME.has_pending = 1;
	ME.to_end = (GUARD_END_BEFORE_TAKE -> 0 : ME.seen_note)
}

inline claim()
{
	for (i : 1 .. ENTRIES) {
		if
		:: pending[i] -> pending[i] = me + 1
		:: else
		fi
	}
	ME.has_claimed = 1; ME.has_pending = 1;
	i = 0
}

/* XREADGROUP from id 0: the oldest of its entries. */
inline read_pending()
{
	i = 1;
	do
	:: i <= ENTRIES && pending[i] != me + 1 -> i++
	:: else -> break
	od;
	if
	:: i <= ENTRIES -> ME.hand = i
	:: else -> ME.has_pending = 0
	fi;
	i = 0
}

proctype a_worker(byte me)
{
	byte i;

end:	do
	/* lease_keeper.c: act().  Another worker may be taken for dead that is stopped, or only slow. */
	:: atomic { ME.state == ELSEWHERE && holder != me && !IS_DEAD && faults ->
		faults--; ME.seen_term = term; ME.seen_note = note; ME.state = ENDING }
	:: d_step { ME.state == ELSEWHERE && IS_DEAD ->
		ME.seen_term = term; ME.seen_note = note; ME.state = ENDING }

	/* redis_stream.c: end_connections(), CLIENT KILL. */
	:: d_step { ME.state == ENDING ->
		if
		:: GUARD_END && GUARD_END_BEFORE_TAKE && ME.seen_note -> close(ME.seen_note)
		:: else
		fi;
		ME.state = TAKING }

	/* LOCK_LEASE waits for the units that have checked the lease, or their sessions are ended; CHANGE_LEASE. */
	:: d_step { ME.state == TAKING ->
		if
		:: GUARD_LOCK -> unit[0] = 0; unit[1] = 0; unit_term[0] = 0; unit_term[1] = 0
		:: else
		fi;
		if
		:: term == ME.seen_term && (!GUARD_NOTE_IN_TAKE || note == ME.seen_note) -> take()
		:: else -> be_without(me)
		fi }
	:: d_step { ME.state == HELD && ME.to_end -> close(ME.to_end); ME.to_end = 0 }

	/* stream_reader.c: claim(), with an idle time of 0; then all that is pending; then what is new. */
	:: d_step { ME.state == HELD && !ME.has_claimed && !ME.to_end && ME.noted == LINE && is_open[LINE] -> claim() }
	:: d_step { ME.state == HELD && (ME.has_claimed || !GUARD_CLAIM_FIRST) && ME.has_pending && !ME.hand && !ME.to_end &&
		(!GUARD_NOTE_FIRST || ME.noted == LINE) && is_open[LINE] -> read_pending() }
	:: d_step { ME.state == HELD && (ME.has_claimed || !GUARD_CLAIM_FIRST) && (!ME.has_pending || !GUARD_PENDING_FIRST) &&
		!ME.hand && !ME.to_end && (!GUARD_NOTE_FIRST || ME.noted == LINE) && is_open[LINE] && !is_waiting[LINE] &&
		!reply[LINE] && delivered < ENTRIES -> is_waiting[LINE] = 1 }
	:: d_step { reply[LINE] && !ME.hand ->
		ME.hand = (ME.state == HELD -> reply[LINE] : 0); reply[LINE] = 0 }

	/* A unit of work: CHECK_LEASES takes FOR KEY SHARE on the row. */
	:: d_step { ME.hand && !ME.is_committed && !unit[me] ->
		if
		:: !GUARD_TERM || ME.term == term -> unit[me] = ME.hand; unit_term[me] = ME.term
		:: else -> be_without(me)
		fi }
	:: d_step { ME.hand && ME.is_committed -> /* XACK */
		pending[ME.hand] = 0; ME.hand = 0; ME.is_committed = 0 }

	/* A connection was made anew.  Its first command ends the one before (stream_link.c); then it is noted. */
	:: d_step { !is_open[LINE] || (faults && ME.state == HELD) ->
		faults = (is_open[LINE] -> faults - 1 : faults);
		if
		:: GUARD_END_OWN || !is_open[LINE] -> close(LINE)
		:: else
		fi;
		connect(me);
		ME.has_pending = (ME.state == HELD);
		ME.hand = (ME.is_committed || unit[me] -> ME.hand : 0) }
	:: d_step { ME.state == HELD && ME.noted != LINE -> /* NOTE_LEASE */
		if
		:: ME.term == term -> note = LINE; ME.noted = LINE
		:: else -> be_without(me)
		fi }

	/* leased.c: leased_give().  The reader unblocks its own XREADGROUP, and waits for what it handles. */
	:: d_step { ME.state == HELD && terms < 3 && !ME.hand && ME.has_claimed && ME.term == term && delivered < ENTRIES ->
		if
		:: GUARD_END_OF_CALLS -> is_waiting[LINE] = 0
		:: else
		fi;
		terms++; term = terms; holder = WORKERS;
		note = (!GUARD_END_OF_CALLS || (!reply[LINE] && ME.noted == LINE) -> 0 : note);
		be_without(me) }
	od
}

inline commit(w)
{
	nothing_committed_under_an_earlier_term = unit_term[w] == term;
	each_entry_once = !(done & BIT(unit[w])) || GUARD_INBOX; /* else INSERT_INBOX fails */
	entries_in_order = unit[w] == 1 || (done & BIT(unit[w] - 1));
	assert(nothing_committed_under_an_earlier_term);
	assert(each_entry_once);
	assert(entries_in_order);
	done = done | BIT(unit[w]);
	worker[w].is_committed = worker[w].hand == unit[w];
	unit[w] = 0; unit_term[w] = 0
}

#define SERVES(c) :: d_step { delivered < added && is_waiting[c] -> \
	delivered++; pending[delivered] = owner[c]; reply[c] = delivered; is_waiting[c] = 0 }

active proctype world()
{
	byte c;

	connect(0);
	connect(1);
	run a_worker(0);
	run a_worker(1);
	do
	:: d_step { unit[0] -> commit(0) }
	:: d_step { unit[1] -> commit(1) }
	:: d_step { added < ENTRIES -> added++ }

	/* Redis serves one of the calls that wait. */
	SERVES(1) SERVES(2) SERVES(3) SERVES(4) SERVES(5) SERVES(6) SERVES(7) SERVES(8)

	/* A worker ends, and is started again.  Redis may not notice, so its connection stays open. */
	:: atomic { faults ->
		faults--;
		select(c : 0 .. WORKERS - 1);
		d_step { be_without(c); connect(c); c = 0 } }

	:: timeout -> break
	od;
	all_is_handled_in_the_end = done == BIT(ENTRIES + 1) - 2;
	assert(all_is_handled_in_the_end)
}
