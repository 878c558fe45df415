/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of the depot: send, take, release, and the flush. There are three CPUs;
 * NR_MAGS magazines of one object to BATCH, one each of the first CPUs or all of
 * CPU 0; a task that flushes; and OBJECTS distinct objects.
 *
 * A CPU sends objects it has freed, or receives objects that others sent, in any
 * order, without end. Each access to shared data is a step of its own, with the
 * name of the C function, and so is the copy of each object.
 *
 * In every state: no object is in two places or lost; a magazine is written only
 * while it is empty and nobody reads it; and a magazine is on the stack at most
 * once. Whenever no process is in the middle of an operation: each full magazine
 * is in the depot, so a receiver or the flush finds it.
 *
 * Left out: the way of spilled objects (see slab.pml). Any CPU may use them, and
 * also the objects in per-CPU caches, which allows more than the C code does. A
 * receiver that does not get the lock goes to its slab; here it just stops. The
 * model does not cover memory ordering (all is sequentially consistent).
 */
#ifdef ALL_OF_CPU0
#define MAGS(cpu)	((cpu) == 0 -> NR_MAGS : 0)
#define MAG(cpu, i)	(i)
#else
#define MAGS(cpu)	((cpu) < NR_MAGS -> 1 : 0)
#define MAG(cpu, i)	(cpu)
#endif
#define NONE		NR_MAGS

/* struct hak_magazine: link, full (a word of spin's own, so sent), nr, obj. */
byte link[NR_MAGS], nr[NR_MAGS];
bit sent[NR_MAGS];
typedef objects { byte obj[BATCH] };
objects mag[NR_MAGS];

/* struct hak_depot: incoming and chain, by the number of the first. */
byte incoming = NONE, chain = NONE;
bit lock;

/* Objects that are in no magazine, as a set; and the magazines being read. */
byte outside = (1 << OBJECTS) - 1;
byte readers[NR_MAGS];
byte inside;

#define HAS(set, o)	(((set) >> (o)) & 1)
#define EMPTY		(chain == NONE && incoming == NONE)

/* Every magazine that is not home is on one of the lists, once. */
inline settled()
{
	if
	:: inside == 0 ->
		k = 0;
		i = chain;
		do
		:: i != NONE -> assert(sent[i] && !(k & (1 << i))); k = k | (1 << i); i = link[i];
		:: else -> break;
		od;
		i = incoming;
		do
		:: i != NONE -> assert(sent[i] && !(k & (1 << i))); k = k | (1 << i); i = link[i];
		:: else -> break;
		od;
		i = 0;
		got = outside;
		do
		:: i < NR_MAGS ->
			assert(sent[i] == HAS(k, i));
			n = 0;
			do
			:: sent[i] && n < nr[i] ->
				assert(!HAS(got, mag[i].obj[n]));
				got = got | (1 << mag[i].obj[n]);
				n++;
			:: else -> break;
			od;
			i++;
		:: else -> break;
		od;
		/* No object is lost. */
		assert(got == (1 << OBJECTS) - 1);
		i = 0; k = 0; n = 0; got = 0;
	:: else
	fi
}

/*
 * hak_depot_take(), under the lock; what was taken comes out: memcpy() of
 * hak_depot_receive(), and hak_magazine_release(). A magazine that is home holds nothing of interest.
 */
#define TAKE_AND_COPY								\
	atomic {								\
		m = chain;							\
		if								\
		:: m == NONE -> m = incoming; incoming = NONE;			\
		:: else								\
		fi;								\
		if								\
		:: m == NONE -> lock = 0; goto done;				\
		:: else -> readers[m]++;					\
		fi;								\
	}									\
	LINK;									\
	lock = 0;								\
	COPY;									\
	/* The receiver's cache, or the slabs, have them. */			\
	atomic {								\
		assert(got && !(outside & got));				\
		outside = outside | got;					\
	}

#define READ_LINK	atomic { chain = link[m]; }
#define READ_OBJECTS								\
	atomic {								\
		do								\
		:: i < nr[m] ->							\
			assert(!HAS(outside, mag[m].obj[i]));			\
			assert(!HAS(got, mag[m].obj[i]));			\
			got = got | (1 << mag[m].obj[i]);			\
			i++;							\
		:: else -> i = 0; break;					\
		od;								\
	}
#define EARLY_RELEASE	sent[m] = 0
#define RELEASE									\
	atomic {								\
		readers[m]--;							\
		sent[m] = 0;							\
		link[m] = 0;							\
		do								\
		:: nr[m] -> nr[m]--; mag[m].obj[nr[m]] = 0;			\
		:: else -> break;						\
		od;								\
	}

#ifdef LINK_AFTER_RELEASE
#define LINK		EARLY_RELEASE; READ_LINK
#define COPY		READ_OBJECTS; readers[m]--
#elif defined(COPY_AFTER_RELEASE)
#define LINK		READ_LINK
#define COPY		EARLY_RELEASE; READ_OBJECTS; readers[m]--
#else
#define LINK		READ_LINK
#define COPY		READ_OBJECTS; RELEASE
#endif

/* What the flush does with a magazine. */
#ifdef FLUSH_LINK_LATE
#define FLUSH_ONE	READ_OBJECTS; EARLY_RELEASE; k = link[m]; readers[m]--
#elif defined(FLUSH_COPY_LATE)
#define FLUSH_ONE	k = link[m]; EARLY_RELEASE; READ_OBJECTS; readers[m]--
#else
#define FLUSH_ONE	k = link[m]; READ_OBJECTS; RELEASE
#endif

/* How the flush comes by the magazines. */
#ifdef FLUSH_UNLOCKED
#define FLUSH_LOCK	true
#define FLUSH_UNLOCK	skip
#else
#define FLUSH_LOCK	!lock; lock = 1
#define FLUSH_UNLOCK	lock = 0
#endif
#ifdef FLUSH_FORGETS_CHAIN
#define FLUSH_CHAIN	NONE
#else
#define FLUSH_CHAIN	chain
#endif

proctype cpu(byte me)
{
	byte m = NONE, i, n, k, got;
	bit sends;

idle:
	atomic {
		inside++;
		if
		/* hak_depot_send() */
		:: MAGS(me) -> m = MAG(me, sends); goto send;
		/* hak_depot_receive() */
		:: !EMPTY -> goto receive;
		fi
	}

send:	/* hak_magazine_next(): smp_load_acquire(). */
	if
	:: sent[m] || !outside -> goto done;
	:: else
	fi;
	/* hak_depot_send(): memcpy() of some objects that are in no magazine. */
	atomic {
		assert(!readers[m]);
		nr[m] = 0;
		if
		:: n = 1;
		:: BATCH > 1 -> n = 2;
		fi;
		do
		:: i < OBJECTS && nr[m] < n && HAS(outside, i) ->
			outside = outside & ~(1 << i);
			mag[m].obj[nr[m]] = i;
			nr[m]++;
			i++;
		:: i < OBJECTS && nr[m] < n && !HAS(outside, i) -> i++;
		:: else -> break;
		od;
		i = 0;
		n = 0;
		if
		:: !nr[m] -> goto done;
		:: else
		fi;
	}
	atomic { assert(!readers[m]); sent[m] = 1; }
	/* hak_magazine_send(): llist_add(), its store to the link, and its cmpxchg */
add:
	atomic { assert(!readers[m]); link[m] = incoming; }
	if
	:: atomic { incoming == link[m] -> incoming = m; }
	:: else -> goto add;
	fi;
	atomic { sends = (sends + 1) % MAGS(me); }
	goto done;

receive: /* hak_depot_trylock(), as often as HAK_DEPOT_TRIES allows */
	atomic {
		if
		:: !lock -> lock = 1;
		:: lock -> goto done;
		fi
	}
	TAKE_AND_COPY;
done:
	atomic {
		m = NONE; i = 0; n = 0; k = 0; got = 0;
		inside--;
		settled();
	}
	goto idle;
}

/* hak_depot_flush(), for hak_depot_trim() and for a cache that goes away. */
proctype task()
{
	byte m = NONE, late = NONE, i, n, k, got;

idle:
	atomic { !EMPTY; inside++; }
	/* hak_lock() */
	atomic { FLUSH_LOCK; }
	atomic {
		m = FLUSH_CHAIN;
		chain = NONE;
		late = incoming;
		incoming = NONE;
	}
	FLUSH_UNLOCK;
spill:	/* hak_depot_spill() */
	atomic {
		if
		:: m == NONE && late == NONE -> goto done;
		:: m == NONE && late != NONE -> m = late; late = NONE;
		:: else
		fi;
		readers[m]++;
	}
	FLUSH_ONE;
	atomic {
		assert(got && !(outside & got));
		outside = outside | got;
		got = 0;
		m = k;
		k = 0;
		goto spill;
	}
done:
	atomic {
		m = NONE; i = 0; n = 0; k = 0; got = 0;
		inside--;
		settled();
	}
	goto idle;
}

init {
	atomic {
		byte i;
		do
		:: i < CPUS -> run cpu(i); i++;
		:: else -> i = 0; break;
		od;
#ifdef FLUSH
		run task();
#endif
	}
}
