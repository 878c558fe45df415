/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of a slab's life: push, drain, park, publish, adopt, claim, a CPU that
 * goes offline, and, with -DREAPER, notices of whole slabs, reap and release.
 *
 * CPUS CPUs allocate, free and give up their slab in any order, without end. With
 * -DIRQ an interrupt frees on CPU 0, inside its busy section or outside; with
 * -DOFFLINE CPU 1 goes offline and comes back. There are SLABS slabs, of CAP0 and
 * CAP1 objects.
 * kunit/model/run says which combinations it tries.
 *
 * Each access to shared data is a step of its own, with the name of the C
 * function. An access to data that only the owner of a slab uses (freelist,
 * drained, bump) is part of the step before or after.
 *
 * In every state: only the owner touches the freelist; each carved object is in
 * one place; no slab is put onto a list it is on; and no slab is released while
 * one of its objects is in use or not counted yet. Whenever no process is in the
 * middle of an operation: settled().
 *
 * Some things are left out to reduce the number of states. Leaving out the first
 * three allows more than the C code does; the others are the same thing written
 * in another way:
 *   - which CPU has cached an object: any CPU may free an object that left its slab;
 *   - the order of lists, and the lists within a pool: any slab may be the next;
 *   - that a CPU which flushes its own caches keeps the reaper away meanwhile;
 *   - which object: the objects of a slab are alike, and places hold a number of them.
 *     If an object is in two places, the sum of all is too large at once;
 *   - the difference between drained and freelist: only the owner uses either;
 *   - the numbers in rc and taken. The model has their difference, used, and for a
 *     parked slab whether a free was counted. A process that has read rc knows
 *     whether rc was written since. If it was not, the process's cmpxchg succeeds,
 *     and taken is unchanged, because it is written only after rc says OWNED. If it
 *     was, hak_pool_queue_reap() may find any value, and may or may not set the mark,
 *     because the same number may have come back. That cannot happen while a slab is
 *     being parked, in fewer than 2^29 frees, nor while the reaper has the pool's
 *     lock.
 *
 * These things the model does not cover: memory ordering (all is sequentially
 * consistent), hak_pool.nr, a refill of several objects at once (it is like
 * several refills), hak_pool_reap(), and a pool with so many arrivals that the
 * reaper defers a slab.
 */
#define NONE		SLABS		/* no slab */
#define TASK		(CPUS + 1)	/* owners beside 1 + CPU, and 0 for nobody */
#define INTERRUPT	(CPUS + 2)

/* What follows a push. */
#define DONE		0
#define PUT		1
#define QUEUE		2

/* enum hak_slab_state, in hak_slab.rc. */
#define OWNED		0
#define PARKED		1
#define POOLED		2
#define UNUSED		3

/*
 * struct hak_slab. marked: HAK_REAP_QUEUED; counted: not 0 frees, as far
 * as that matters: since an owner who is parking read rc, and since it was parked.
 */
byte freelist[SLABS], remote[SLABS], bump[SLABS], state[SLABS], used[SLABS];
bit marked[SLABS], counted[SLABS];
/* Objects that are live or cached; that a pusher holds; that are not counted. */
byte out[SLABS], hand[SLABS], uncounted[SLABS];
/* The owner of the slab, and the processes that remember its present rc. */
byte owner[SLABS], seen[SLABS];

/* Sets of slabs: in hak_pool, in hak_reap_queue, and slots in use. */
byte pool, queued, claimed;
bit pool_lock, armed;

/* struct hak_cpu_cache. */
byte cur[CPUS];
bool busy[CPUS];
bool in_irq, down;
/* The number of processes in the middle of an operation. */
byte inside;

#define IN(set, s)	((set >> (s)) & 1)
#if SLABS > 1
#define CAP(s)		((s) == 0 -> CAP0 : CAP1)
#else
#define CAP(s)		CAP0
#endif
#define HAS_FREE(s)	(freelist[s] || bump[s] < CAP(s))

#define WHOLE(s)	(used[s] == 0)
#ifdef REAPER
#define WHOLE_UNQUEUED(s)	(WHOLE(s) && !marked[s])
#else
#define WHOLE_UNQUEUED(s)	false
#endif
#define UNCHANGED(s)	IN(seen[s], _pid)

/* Every object is in one place, and used is what its comment says. */
#define BOOKS(s)								\
	assert(freelist[s] + remote[s] + out[s] + hand[s] == bump[s] &&		\
	       used[s] == out[s] + uncounted[s])

inline remember(s) { seen[s] = seen[s] | (1 << _pid); }
inline forget(s) { seen[s] = seen[s] & ~(1 << _pid); }
/* After each write to rc the values that other processes remember are old. */
inline wrote_rc(s) { seen[s] = 0; }

/* Every free object can be found. */
inline settled()
{
	if
	:: inside == 0 ->
		k = 0;
		do
		:: k < SLABS ->
			if
			:: state[k] == OWNED ->
				assert(owner[k] && owner[k] <= CPUS);
				assert(cur[owner[k] - 1] == k);
			:: state[k] == PARKED ->
				/* No free waits where no CPU finds it. */
				assert(!remote[k] && !counted[k]);
				assert(!HAS_FREE(k));
			:: state[k] == POOLED ->
				/* No slab is stranded, no whole slab is missing from the queue. */
				assert(IN(pool, k));
				assert(!WHOLE_UNQUEUED(k));
			:: else ->
				assert(!IN(claimed, k));
			fi;
			assert(!marked[k] || (IN(queued, k) && armed));
			k++;
		:: else -> break;
		od;
		k = 0;
	:: else
	fi
}

/* A pusher takes some live objects. */
inline pick(number)
{
	n = number;
	out[s] = out[s] - n;
	hand[s] = hand[s] + n;
	uncounted[s] = uncounted[s] + n;
}

/* hak_slab_link(): llist_add_batch(). */
inline slab_link()
{
	atomic {
		assert(state[s] != UNUSED && hand[s] >= n);
		hand[s] = hand[s] - n;
		remote[s] = remote[s] + n;
		BOOKS(s);
	}
}

#ifdef REAPER
#define QUEUES(s)	(state[s] == POOLED && !marked[s])
#else
#define QUEUES(s)	false
#endif

#ifdef DRAIN_CURRENT_ONLY
#define FIRST(s)	false
#else
#define FIRST(s)	(!counted[s])
#endif

/* hak_slab_count(): atomic_add_return(), and what its result asks for. */
inline slab_count()
{
	atomic {
		assert(used[s] >= n && uncounted[s] >= n);
		used[s] = used[s] - n;
		uncounted[s] = uncounted[s] - n;
		wrote_rc(s);
		next = DONE;
		if
		:: state[s] == PARKED ->
			if
			:: FIRST(s) -> assert(!owner[s]); next = PUT;
			:: else
			fi
		:: QUEUES(s) -> remember(s); next = QUEUE;
		:: else
		fi;
		counted[s] = 1;
	}
}

/*
 * hak_slab_push(), hak_pool_put() and hak_pool_queue_reap(), each of which is the last
 * thing its caller does: entered at push: or at put:.
 */
#ifdef COUNT_FIRST
#define PUSH		slab_count(); slab_link()
#else
#define PUSH		slab_link(); slab_count()
#endif

#define PUSH_PUT_QUEUE(me)							\
push:										\
	PUSH;									\
	atomic {								\
		n = 0;								\
		if								\
		:: next == PUT -> next = DONE; owner[s] = me;			\
		:: next == QUEUE -> next = DONE; goto queue;			\
		:: next == DONE -> goto done;					\
		fi;								\
	}									\
put:	/* hak_pool_put(): atomic_add(). */					\
	atomic {								\
		assert(owner[s] == me);						\
		state[s] = POOLED;						\
		wrote_rc(s);							\
	}									\
	/* hak_pool_put(): llist_add(). */					\
	atomic {								\
		assert(!IN(pool, s));						\
		owner[s] = 0;							\
		pool = pool | (1 << s);						\
	}									\
	PUT_QUEUES

#ifdef REAPER
#define PUT_QUEUES								\
	/* hak_pool_put(): atomic_read(). */					\
	atomic {								\
		if								\
		:: QUEUES(s) -> remember(s);					\
		:: else -> goto done;						\
		fi;								\
	}									\
queue:	/* hak_pool_queue_reap(): hak_rc_whole(). */				\
	atomic {								\
		if								\
		:: UNCHANGED(s) && WHOLE(s)					\
		:: UNCHANGED(s) && !WHOLE(s) -> forget(s); goto done;		\
		:: !UNCHANGED(s)						\
		:: !UNCHANGED(s) -> goto done;					\
		fi;								\
	}									\
	/* hak_pool_queue_reap(): atomic_cmpxchg(). */				\
	atomic {								\
		if								\
		:: UNCHANGED(s) || QUEUES(s) -> marked[s] = 1; wrote_rc(s);	\
		:: !UNCHANGED(s) -> goto done;					\
		fi;								\
	}									\
	/* hak_pool_queue_reap(): llist_add(). */				\
	atomic {								\
		assert(!IN(queued, s));						\
		queued = queued | (1 << s);						\
	}									\
	/* hak_reaper_arm(). */							\
	armed = 1;								\
	goto done
#else
#define PUT_QUEUES								\
queue:	goto done
#endif

/* hak_slab_park(), which goes on at parked: or at kept:. */
#define PARK(me)								\
	PARK_LOOKS;								\
	atomic {								\
		assert(owner[s] == me && state[s] == OWNED);			\
		if								\
		:: !counted[s] ->						\
			state[s] = PARKED;					\
			wrote_rc(s);						\
			owner[s] = 0;						\
			goto parked;						\
		:: else -> goto kept;						\
		fi;								\
	}

#ifdef PARK_LOOKS_FIRST
#define PARK_LOOKS								\
	if									\
	:: remote[s] -> goto kept;						\
	:: else									\
	fi;									\
	counted[s] = 0
#else
#define PARK_LOOKS								\
	counted[s] = 0;								\
	if									\
	:: remote[s] -> goto kept;						\
	:: else									\
	fi
#endif

/*
 * With this defect a CPU clears its busy mark before it parks. That harms only if
 * somebody looks at the mark: an interrupt, or a CPU that finds this one gone.
 */
#ifdef LEAVES_EARLY
#define LEAVE_EARLY(me)	busy[me] = 0;
#else
#define LEAVE_EARLY(me)
#endif

/* A CPU in task context does one operation after the other. */
proctype cpu(byte me) provided (!(in_irq && _pid == 1))
{
	byte s = NONE, n, k;
	byte next;
	bool flush;

idle:
	atomic {
		!busy[me];
		busy[me] = 1;
		inside++;
		if
		/* hak_cpu_take_from_slab(). */
		:: s = cur[me];
			if
			:: s == NONE -> goto adopt;
			:: else -> goto take;
			fi
		/* hak_cpu_flush(), for hak_cpu_flush_this(). */
		:: cur[me] != NONE -> flush = 1; s = cur[me]; cur[me] = NONE; goto let_go;
		/* hak_cpu_spill(); with fast_cap=0, hak_cpu_free_uncached() or hak_cpu_put(). */
		:: out[0] -> s = 0;
#if SLABS > 1
		:: out[1] -> s = 1;
#endif
		fi;
		if
		:: pick(1);
		:: out[s] >= 2 -> pick(2);
		:: out[s] >= 3 -> pick(3);
		fi;
		/* hak_spill_give(). */
		if
#ifdef UNOWNED_SPILL
		:: true -> goto give;
#else
		:: s == cur[me] -> goto give;
#endif
		:: else -> goto push;
		fi
	}

give:	/* hak_slab_give(). */
	atomic {
		assert(owner[s] == me + 1);
		hand[s] = hand[s] - n;
		uncounted[s] = uncounted[s] - n;
		freelist[s] = freelist[s] + n;
		used[s] = used[s] - n;
		BOOKS(s);
	}
	goto done;

adopt:	/* hak_pool_adopt(): the pop, under the pool's lock. */
	atomic {
		!pool_lock;
		if
		:: IN(pool, 0) -> s = 0;
#if SLABS > 1
		:: IN(pool, 1) -> s = 1;
#endif
		:: !pool -> goto claim;
		fi;
		pool = pool & ~(1 << s);
		assert(!owner[s]);
		owner[s] = me + 1;
	}
	/* hak_pool_adopt(): atomic_sub(). */
	atomic {
		assert(state[s] == POOLED);
		state[s] = OWNED;
		wrote_rc(s);
		cur[me] = s;
	}
	goto take;

claim:	/* hak_superslab_claim(), and hak_slab_init() up to its last step. */
	atomic {
		if
		:: !IN(claimed, 0) -> s = 0;
#if SLABS > 1
		:: IN(claimed, 0) && !IN(claimed, 1) -> s = 1;
#endif
		:: else -> goto done;
		fi;
		claimed = claimed | (1 << s);
		assert(state[s] == UNUSED && !owner[s]);
		owner[s] = me + 1;
		bump[s] = 0;
		used[s] = 0;
		counted[s] = 1;
	}
	/* hak_slab_init(): atomic_set_release(). */
	atomic {
		state[s] = OWNED;
		wrote_rc(s);
		cur[me] = s;
	}

take:	/* hak_slab_take(), hak_slab_take_one(); hak_slab_drain(): llist_del_all(). */
	atomic {
		assert(owner[s] == me + 1);
		if
		:: freelist[s] -> freelist[s]--;
		:: !freelist[s] && remote[s] ->
			freelist[s] = remote[s];
			remote[s] = 0;
			goto take;
		:: !freelist[s] && !remote[s] && bump[s] < CAP(s) -> bump[s]++;
		:: else -> goto park;
		fi;
		out[s]++;
		used[s]++;
		BOOKS(s);
	}
	goto done;

let_go:	/* hak_cpu_flush(): what has something to give is to be found. */
	if
	:: HAS_FREE(s) -> goto put;
	:: else
	fi;
park:
	LEAVE_EARLY(me)
	PARK(me + 1);
parked:
	atomic {
		cur[me] = NONE;
		s = NONE;
		if
		:: flush -> goto done;
		:: else -> goto adopt;
		fi;
	}
kept:
	atomic {
		counted[s] = 1;
		if
		:: flush -> goto put;
		:: else -> goto take;
		fi;
	}

	PUSH_PUT_QUEUE(me + 1);
done:
	atomic {
		s = NONE; n = 0; next = DONE; flush = 0;
		busy[me] = 0;
		inside--;
		settled();
	}
	goto idle;
}

#ifdef CLEAR_LATE
#define MAY_OWN(s)	true
#else
#define MAY_OWN(s)	(!marked[s])
#endif

#ifdef DEAD_KEEPS_SLAB
#define DEAD_KEEPS(s)	true
#else
#define DEAD_KEEPS(s)	false
#endif

/* The reaper's work item and CPU hotplug, both under hak_cache_mutex. */
proctype task()
{
	byte s = NONE, n, k;
	byte next;

idle:
	atomic {
		if
#ifdef REAPER
		/* hak_reap_run_queue(): atomic_xchg(). */
		:: armed -> armed = 0; inside++; goto reap;
#endif
#ifdef OFFLINE
		/* hak_cpu_dead(), of a CPU that is not inside; hak_cpu_online(). */
		:: !busy[1] ->
			busy[1] = 1;
			down = 1;
			inside++;
			s = cur[1];
			cur[1] = NONE;
			if
			:: s == NONE || DEAD_KEEPS(s) -> goto done;
			:: else -> assert(owner[s] == 2); owner[s] = TASK; goto let_go;
			fi;
		:: down -> down = 0; busy[1] = 0; goto idle;
#endif
		:: false;
		fi
	}

#ifdef REAPER
reap:	/* hak_pool_reap_queued(): llist_del_first(). */
	atomic {
		if
		:: IN(queued, 0) -> s = 0;
#if SLABS > 1
		:: IN(queued, 1) -> s = 1;
#endif
		:: !queued -> goto done;
		fi;
		queued = queued & ~(1 << s);
	}
#ifndef CLEAR_LATE
	/* hak_reap_unqueue(): atomic_fetch_andnot(). */
	atomic { marked[s] = 0; wrote_rc(s); }
#endif
	/* hak_pool_reap_slab(): atomic_read(). */
	if
	:: state[s] != POOLED -> goto not_whole;
	:: else
	fi;
	/* hak_pool_take_whole(): hak_lock(); the slab is in the list, or is not. */
	atomic {
		!pool_lock;
		if
		:: !IN(pool, s) -> goto not_whole;
		:: else -> pool_lock = 1;
		fi
	}
	/* __hak_pool_own_whole(): atomic_read(). */
	atomic {
		if
		:: state[s] == POOLED && MAY_OWN(s) -> remember(s);
		:: else -> goto unlock;
		fi
	}
	/* __hak_pool_own_whole(): hak_rc_whole(), which is of no use if rc is old. */
	if
	:: !UNCHANGED(s) || !WHOLE(s) -> goto unlock;
	:: else
	fi;
	/* __hak_pool_own_whole(): atomic_cmpxchg(). */
	atomic {
		if
		:: UNCHANGED(s) ->
			state[s] = OWNED;
			wrote_rc(s);
			assert(!owner[s]);
			owner[s] = TASK;
			pool = pool & ~(1 << s);
		:: else -> goto unlock;
		fi;
		pool_lock = 0;
	}
#ifdef CLEAR_LATE
	atomic { marked[s] = 0; wrote_rc(s); }
#endif
	/* hak_slab_release(): no CPU is about to push to it or to queue it. */
	atomic {
		assert(!out[s] && !hand[s] && !uncounted[s]);
		BOOKS(s);
		assert(!marked[s] && !IN(queued, s) && !IN(pool, s));
		freelist[s] = 0;
		remote[s] = 0;
		bump[s] = 0;
		state[s] = UNUSED;
		wrote_rc(s);
	}
	/* hak_superslab_unclaim(). */
	atomic {
		owner[s] = 0;
		claimed = claimed & ~(1 << s);
		s = NONE;
	}
	goto reap;
unlock:
	atomic {
		pool_lock = 0;
		forget(s);
	}
not_whole:
#ifdef CLEAR_LATE
	atomic { marked[s] = 0; wrote_rc(s); }
#endif
	s = NONE;
	goto reap;
#endif

#ifdef OFFLINE
let_go:	/* hak_cpu_flush(). */
	if
	:: HAS_FREE(s) -> goto put;
	:: else
	fi;
	PARK(TASK);
parked:	goto done;
#ifdef DEAD_LOSES_KEPT
kept:	atomic { counted[s] = 1; goto done; }
#else
kept:	atomic { counted[s] = 1; goto put; }
#endif
	PUSH_PUT_QUEUE(TASK);
#endif
done:
	atomic {
		s = NONE; n = 0; next = DONE;
		inside--;
		settled();
	}
	goto idle;
}

#ifdef IGNORES_MARK
#define MAY_GIVE(cpu)	true
#else
#define MAY_GIVE(cpu)	(!busy[cpu])
#endif

/*
 * Frees in an interrupt on CPU 0, hak_free_slow(), as many as it likes. If it finds the
 * CPU busy, it pushes. Otherwise it is the owner. What an owner pushes is left to
 * the CPU itself, since it is the same.
 */
proctype interrupt()
{
	byte s = NONE, n, k;
	byte next;

idle:
	atomic {
		if
		:: out[0] -> s = 0;
#if SLABS > 1
		:: out[1] -> s = 1;
#endif
		fi;
		if
		:: busy[0]
		:: MAY_GIVE(0) && s == cur[0]
		:: else -> s = NONE; goto idle;
		fi;
		in_irq = 1;
		inside++;
		pick(1);
		if
		:: MAY_GIVE(0) && s == cur[0]
		:: else -> goto push;
		fi;
		/* hak_slab_give(). */
		assert(owner[s] == 1);
		hand[s] = hand[s] - n;
		uncounted[s] = uncounted[s] - n;
		freelist[s] = freelist[s] + n;
		used[s] = used[s] - n;
		n = 0;
		BOOKS(s);
		goto done;
	}
	PUSH_PUT_QUEUE(INTERRUPT);
done:
	atomic {
		s = NONE; n = 0; next = DONE;
		in_irq = 0;
		inside--;
		settled();
	}
	goto idle;
}

init {
	atomic {
		byte i;
		do
		:: i < SLABS -> state[i] = UNUSED; i++;
		:: else -> break;
		od;
		i = 0;
		do
		:: i < CPUS -> cur[i] = NONE; run cpu(i); i++;
		:: else -> i = 0; break;
		od;
		run task();
#ifdef IRQ
		run interrupt();
#endif
	}
}
