/*
 * The lease of pub/sub: two workers hear messages, of which the holder of the lease handles each.
 *
 * Read it beside docs/decisions/pubsub.md, src/bus/subscription/leased_subscription.c (hearing, handling, the note)
 * and subscription_takeover.c (where a new holder begins).  Redis sends messages and markers in one order, to each
 * worker when it is connected.  A message has no id; its name is its place in that order, for a worker that
 * has heard the marker before it over the same connection.  Both workers are there all the time, so names are used.
 * Times are left out.  That nothing is committed under an earlier term is shown by leases.pml.
 *
 * Guards, which `run` takes out one by one:
 *
 * GUARD_NAMES     a message with a name is handled under it: the inbox knows it then
 * GUARD_DEAD      a new holder asks which messages are dead letters
 * GUARD_NOTE      the note is not behind the first section that has a message without an outcome
 * GUARD_CLEAR     the note is emptied before a message is handled without a name
 * GUARD_UNKNOWN   a new holder that does not know the section of the note gives up what it heard
 * GUARD_UNNAMED   without a marker it gives up all, and names nothing that it hears until the next marker
 * GUARD_NAMELESS  a new holder gives up what it heard without a name, if another one had the lease since
 * GUARD_LATE      until it hears a marker it asks so of each message, and gives up what has no name
 * GUARD_KEEP      a worker without the lease keeps what it heard from the section of the note on
 * GUARD_ROLLED    of a holder that names no section, it drops only what it heard before it last read the note
 *
 * What is assumed, and else goes wrong (docs/decisions/pubsub.md):
 *
 * ASSUME_HEARD       who takes the lease and hears no marker for two seconds has heard what was published before
 * ASSUME_NOTED_SOON  who takes the lease without a note has heard the last marker, and writes a note before the next
 */
#define WORKERS 2
#ifndef PLACES
#define PLACES 4   /* of messages and markers, */
#endif
#ifndef MESSAGES
#define MESSAGES 2 /* of which at most this number are messages, */
#define MARKERS  3 /* and this one markers */
#endif
#ifndef FAULTS
#define FAULTS 2
#endif

/* Invariants, as in docs/decisions/pubsub.md. */
bool handled_at_most_once = true, note_is_a_lower_bound = true, not_lost_if_it_was_heard = true;

/* Redis: what was published.  Sets of places are bits. */
byte published, messages, markers, count;
byte rejected;     /* messages that are: the second one */

/* The database. */
byte term, terms, holder = WORKERS, note;
byte inbox, dead;  /* names that were handled, and rejected */

/* For the invariants. */
byte ended;        /* messages with an outcome */
byte excused;      /* and those that may be lost */

byte faults = FAULTS;

typedef Worker {
	byte state, term, noted, from;
	byte since, heard;     /* it was connected behind this place, and has heard all up to that one */
	byte kept, named;      /* messages, and those of them that have names */
	byte sections;         /* whose markers it has heard, and keeps */
	byte listened, cut;    /* for the invariants: markers that it heard, and those before the last loss */
	byte nameless;         /* messages that it handled without a name */
	byte roll, rolled;     /* the note as it was last read, and what it had heard by then */
	bit is_elsewhere, was_elsewhere, is_resumed, is_up, is_behind;
	byte own_term, awaits;
	byte wanted            /* what the note should be */
};
Worker worker[WORKERS];

#define LISTENING 0
#define PLACING   1
#define FINDING   2
#define HANDLING  3

#define ME worker[me]
#define BIT(place)    (1 << (place))
#define BEFORE(place) ((1 << (place)) - 1)

/* The last marker at or before a place, or 0. */
inline find_last(set, place)
{
	found = place;
	do
	:: found && !(set & BIT(found)) -> found--
	:: else -> break
	od
}

inline find_first(set, place)
{
	found = place;
	do
	:: found <= PLACES && !(set & BIT(found)) -> found++
	:: else -> break
	od;
	found = (found > PLACES -> 0 : found)
}

/* ---- hearing ---- */

inline hear()
{
	ME.heard++;
	if
	:: markers & BIT(ME.heard) ->
		ME.sections = ME.sections | BIT(ME.heard);
		ME.listened = ME.listened | BIT(ME.heard);
		ME.is_behind = ME.is_behind && ME.heard <= ME.awaits
	:: else ->
		find_last(markers, ME.heard);
		if
		:: found > ME.since && !(ME.is_behind && (dead & BIT(ME.heard))) ->
			ME.kept = ME.kept | BIT(ME.heard); ME.named = ME.named | BIT(ME.heard)
		:: found <= ME.since && (ME.is_behind || (ME.state == LISTENING && ME.is_elsewhere)) ->
			excused = excused | (ME.is_behind -> BIT(ME.heard) : 0)
		:: found <= ME.since && !ME.is_behind && (ME.state != LISTENING || !ME.is_elsewhere) ->
			ME.kept = ME.kept | BIT(ME.heard)
		:: else
		fi
	fi
}

/* heard_drop_before() */
inline drop_before(place)
{
	ME.kept = ME.kept & ~BEFORE(place);
	ME.sections = ME.sections & ~BEFORE(place)
}

/* leased_subscription.c: forget_finished() */
inline forget_finished()
{
	if
	:: ME.state != LISTENING || !ME.is_elsewhere
	:: else -> if
	:: ME.roll && GUARD_KEEP && (ME.sections & BIT(ME.roll)) -> drop_before(ME.roll)
	:: ME.roll && !GUARD_KEEP -> find_last(ME.sections, PLACES); drop_before(found)
	:: !ME.roll ->
		find_last(ME.sections, PLACES); /* never the last two sections */
		find_last(ME.sections, found - (found > 0));
		if
		:: GUARD_ROLLED && found > ME.rolled -> find_last(ME.sections, ME.rolled)
		:: else
		fi;
		drop_before(found)
	:: else
	fi
	fi
}

/* ---- the note ---- */

/* leased_subscription.c: unfinished_section(); `found` is its marker, or 0. */
inline find_unfinished()
{
	find_first(ME.kept, 1);
	if
	:: !found || !GUARD_NOTE -> find_last(ME.sections, PLACES); found = (found > ME.since -> found : 0)
	:: found && (ME.named & BIT(found)) -> find_last(ME.sections, found)
	:: else -> find_first(ME.sections, found)
	fi;
	do
	:: found && (ME.nameless & ~BEFORE(found)) -> find_first(ME.sections, found + 1)
	:: else -> break
	od
}

inline want_note()
{
	if
	:: ME.state == HANDLING -> find_unfinished(); ME.wanted = found
	:: else -> ME.wanted = 0
	fi
}

inline write_note(place)
{
	note = place;
	ME.noted = place;
	excused = excused | ((ME.kept & ~ME.named & BEFORE(place)) -> ME.kept & BEFORE(place) : 0);
	note_is_a_lower_bound = !(messages & BEFORE(place) & ~ended & ~excused);
	assert(note_is_a_lower_bound)
}

/* ---- handling ---- */

/* The oldest message gets its outcome; or it has one, as the inbox knows. */
inline handle()
{
	find_first(ME.kept, 1);
	if
	:: (ME.named & BIT(found)) && GUARD_NAMES && (inbox & BIT(found))
	:: else ->
		handled_at_most_once = !(ended & BIT(found));
		assert(handled_at_most_once);
		ended = ended | BIT(found);
		if
		:: (ME.named & BIT(found)) && (rejected & BIT(found)) -> dead = dead | BIT(found)
		:: (ME.named & BIT(found)) && !(rejected & BIT(found)) -> inbox = inbox | BIT(found)
		:: else -> ME.nameless = ME.nameless | BIT(found)
		fi
	fi;
	ME.kept = ME.kept & ~BIT(found)
}

/* Whether a new holder has heard everything from the section of the note on. */
#define HEARD_ALL(w) (worker[w].from && (worker[w].listened & BIT(worker[w].from)) && !(worker[w].cut & BIT(worker[w].from)))
#define OLDEST_HAS_NAME (ME.kept && (ME.named & (ME.kept & -ME.kept)))

/* ---- taking over ---- */

/* What was not heard by the next holder may be lost; and all, if it does not know the section of the note. */
inline take()
{
	ME.is_resumed = term == ME.own_term && term;
	ME.was_elsewhere = ME.was_elsewhere || (holder != me && term);
	terms++; term = terms; holder = me;
	ME.own_term = term; ME.term = term; ME.from = note; ME.noted = note;
	ME.state = PLACING;
	ME.awaits = published;
	excused = excused | (HEARD_ALL(me) -> 0 : messages)
}

#define HEARD_MARKERS (!(markers & ~BEFORE(ME.heard + 1)))
#define MAY_TAKE (ME.state == LISTENING && ME.is_up && (note || !ASSUME_NOTED_SOON || HEARD_MARKERS))

/* subscription_takeover.c: begin() */
inline begin(late)
{
	if
	:: GUARD_NAMELESS && ME.was_elsewhere && !ME.is_resumed ->
		excused = excused | (ME.kept & ~ME.named);
		ME.kept = ME.kept & ME.named
	:: else
	fi;
	ME.is_behind = late && GUARD_LATE && ME.was_elsewhere && !ME.is_resumed;
	ME.from = 0;
	ME.awaits = (ME.is_behind -> ME.awaits : 0);
	ME.state = FINDING
}

/* Begins a section without a name: it cannot know what the last holder handled of those before it. */
inline give_up_all()
{
	excused = excused | (HEARD_ALL(me) -> 0 : messages & BEFORE(ME.heard + 1));
	if
	:: GUARD_UNNAMED -> ME.since = ME.heard; ME.cut = ME.listened; found = PLACES + 1
	:: else -> find_last(ME.sections, PLACES); found = (found > ME.since -> found : ME.since + 1)
	fi;
	drop_before(found)
}

inline lose()
{
	ME.state = LISTENING; ME.term = 0; ME.noted = 0; ME.from = 0; ME.awaits = 0; ME.wanted = 0;
	ME.is_behind = 0
}

proctype a_worker(byte me)
{
	byte found;

end:	do
	:: d_step { ME.is_up && ME.heard < published -> hear(); forget_finished(); want_note(); found = 0 }

	/* A roll: lease_keeper.c, compare(). */
	:: d_step { ME.state == LISTENING && (ME.roll != note || (!note && ME.rolled != ME.heard) ||
		ME.is_elsewhere != (holder != me && term)) ->
		ME.roll = note; ME.rolled = (note -> 0 : ME.heard); ME.is_elsewhere = (holder != me && term);
		ME.was_elsewhere = ME.was_elsewhere || ME.is_elsewhere;
		forget_finished();
		found = 0 }
	:: d_step { ME.state != LISTENING && ME.term != term -> lose() }

	/* The lease is free, or its holder is taken for dead. */
	:: d_step { MAY_TAKE && (holder == me || worker[holder].term != term) -> take() }
	:: d_step { MAY_TAKE && faults && holder != me && worker[holder].term == term -> faults--; take() }

	/* subscription_takeover.c: subscription_place(), subscription_marker_heard() */
	:: d_step { ME.state == PLACING && (ME.from && (ME.sections & BIT(ME.from))) -> drop_before(ME.from); begin(1) }
	:: d_step { ME.state == PLACING && !(ME.from && (ME.sections & BIT(ME.from))) &&
		(!ME.was_elsewhere || !GUARD_UNKNOWN) -> begin(0) }
	:: d_step { ME.state == PLACING && !(ME.from && (ME.sections & BIT(ME.from))) && ME.was_elsewhere && GUARD_UNKNOWN &&
		(ME.sections & ~BEFORE(ME.awaits + 1)) ->
		if
		:: ME.from -> find_first(ME.sections, ME.since + 1)
		:: else -> find_last(ME.sections, PLACES)
		fi;
		drop_before(found);
		excused = excused | (HEARD_ALL(me) -> 0 : messages & BEFORE(ME.heard + 1));
		begin(0);
		found = 0 }
	:: d_step { ME.state == PLACING && !(ME.from && (ME.sections & BIT(ME.from))) && ME.was_elsewhere && GUARD_UNKNOWN &&
		!(ME.sections & ~BEFORE(ME.awaits + 1)) && (!ASSUME_HEARD || ME.heard >= ME.awaits) -> /* for MARKER_MS */
		give_up_all(); begin(0); found = 0 }
	:: d_step { ME.state == FINDING ->
		ME.kept = (GUARD_DEAD -> ME.kept & ~(dead & ME.named) : ME.kept);
		ME.state = HANDLING; want_note(); found = 0 }

	/* NOTE_LEASE; leased_subscription.c: note() */
	:: d_step { ME.state == HANDLING && ME.term == term && ME.wanted != ME.noted && (!ME.kept || OLDEST_HAS_NAME) ->
		write_note(ME.wanted) }
	:: d_step { ME.state == HANDLING && ME.term == term && ME.kept && !OLDEST_HAS_NAME && ME.noted && GUARD_CLEAR ->
		write_note(0) }

	/* submit_next(), and the unit of work, which checks the term */
	:: d_step { ME.state == HANDLING && ME.term == term && ME.kept && (OLDEST_HAS_NAME || !ME.noted || !GUARD_CLEAR) ->
		handle(); want_note(); found = 0 }
	od
}

inline connect(w)
{
	worker[w].since = published; worker[w].heard = published; worker[w].is_up = 1
}

inline cut_off(w)
{
	worker[w].cut = worker[w].listened;
	excused = excused | (worker[w].state != LISTENING -> messages & ~BEFORE(worker[w].heard + 1) : 0);
	worker[w].is_up = 0; worker[w].is_behind = 0
}

inline end_process(w)
{
	worker[w].state = 0; worker[w].term = 0; worker[w].noted = 0; worker[w].from = 0; worker[w].kept = 0;
	worker[w].named = 0; worker[w].sections = 0; worker[w].listened = 0; worker[w].cut = 0; worker[w].nameless = 0;
	worker[w].roll = 0; worker[w].rolled = 0; worker[w].is_elsewhere = 0; worker[w].was_elsewhere = 0;
	worker[w].is_resumed = 0; worker[w].own_term = 0; worker[w].awaits = 0; worker[w].wanted = 0
}

/* The holder does not hear what is published now. */
#define MISSES(w) (worker[w].state != LISTENING && !worker[w].is_up)
#define HAS_NOTED(w) (worker[w].state == LISTENING || worker[w].term != term || \
	(worker[w].state == HANDLING && worker[w].heard == published && worker[w].wanted == worker[w].noted))

active proctype world()
{
	byte w;

	connect(0);
	connect(1);
	terms = 1; term = 1; holder = 0; /* the first worker has the lease, and names no section yet */
	worker[0].state = HANDLING; worker[0].term = 1; worker[0].own_term = 1;
	run a_worker(0);
	run a_worker(1);
	do
	:: d_step { published < PLACES && count < MESSAGES ->
		count++; published++; messages = messages | BIT(published);
		rejected = (count == 2 -> BIT(published) : 0);
		excused = excused | (MISSES(0) || MISSES(1) -> BIT(published) : 0) }
	:: d_step { published < PLACES && published - count < MARKERS &&
		(!ASSUME_NOTED_SOON || (HAS_NOTED(0) && HAS_NOTED(1))) ->
		published++; markers = markers | BIT(published) }
	:: atomic { faults ->
		faults--;
		select(w : 0 .. WORKERS - 1);
		if
		:: d_step { worker[w].is_up -> cut_off(w) }
		:: d_step { cut_off(w); end_process(w); connect(w) }
		fi;
		w = 0 }
	:: d_step { !worker[0].is_up -> connect(0) }
	:: d_step { !worker[1].is_up -> connect(1) }
	:: timeout -> break
	od;
	not_lost_if_it_was_heard = !(messages & ~ended & ~excused) ||
		(worker[0].state == PLACING && !HEARD_ALL(0)) || (worker[1].state == PLACING && !HEARD_ALL(1));
	assert(not_lost_if_it_was_heard)
}
