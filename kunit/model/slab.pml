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
 * Each access to shared data is a step of its own, with the name of the C function. An
 * access to data that only the owner of a slab uses (freelist, drained, bump) is part of
 * the step before or after, and so is what a CPU does before its first access and after
 * its last. Two accesses are one step only if that hides nothing: if whatever others do
 * in between has the same outcome before both or after both. A comment says why. This
 * makes the number of states so small that all participants fit into one run.
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
 *     parked slab whether a free was counted;
 *   - reads of rc, and of taken, that a cmpxchg of rc follows. If the cmpxchg succeeds, rc
 *     was the same all the time, and so was taken, which is written only after rc says
 *     OWNED. So all of them are the step of the cmpxchg. If it fails, somebody has written
 *     rc after the read, and had the step come right after that write, it would have found
 *     nothing to do either. The same number may come back, though. So
 *     hak_pool_queue_reap() may also mark a slab that is not whole. That cannot happen
 *     while a slab is being parked, in fewer than 2^29 frees, nor while the reaper has the
 *     pool's lock.
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
byte owner[SLABS];

/* Sets of slabs: in hak_pool, in hak_reap_queue, and slots in use. */
byte pool, queued, claimed;
bit armed;

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

/* Every object is in one place, and used is what its comment says. */
#define BOOKS(s)								\
	assert(freelist[s] + remote[s] + out[s] + hand[s] == bump[s] &&		\
	       used[s] == out[s] + uncounted[s])

/* Every free object can be found. */
inline settled()
{
	d_step {
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
					/* No slab is stranded, and whole ones are in the queue. */
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
	assert(state[s] != UNUSED && hand[s] >= n);
	hand[s] = hand[s] - n;
	remote[s] = remote[s] + n;
	BOOKS(s);
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
	assert(used[s] >= n && uncounted[s] >= n);
	used[s] = used[s] - n;
	uncounted[s] = uncounted[s] - n;
	next = DONE;
	if
	:: state[s] == PARKED ->
		if
		:: FIRST(s) -> assert(!owner[s]); next = PUT;
		:: else
		fi
	:: QUEUES(s) -> next = QUEUE;
	:: else
	fi;
	counted[s] = 1;
}

/*
 * hak_slab_push(), hak_pool_put() and hak_pool_queue_reap(), each of which is the last
 * thing its caller does: entered at push or at put.
 */
#ifdef COUNT_FIRST
#define LINK		slab_count()
#define COUNT		slab_link()
#else
#define LINK		slab_link()
#define COUNT		slab_count()
#endif

#define PUSH_PUT_QUEUE(me)							\
	atomic {								\
		skip;								\
push:		LINK;								\
	}									\
	atomic {								\
		COUNT;								\
		n = 0;								\
		if								\
		:: next == PUT -> next = DONE; owner[s] = me;			\
		:: next == QUEUE -> next = DONE; goto queue;			\
		:: next == DONE -> goto done;					\
		fi;								\
	}									\
put_apart:	/* hak_pool_put(): atomic_add(). */				\
	atomic {								\
		skip;								\
put:		assert(owner[s] == me);						\
		state[s] = POOLED;						\
	}									\
	/* hak_pool_put(): llist_add(). */					\
	atomic {								\
		assert(!IN(pool, s));						\
		owner[s] = 0;							\
		pool = pool | (1 << s);						\
		PUT_IS_ALL;							\
	}									\
	QUEUE_REAP

#if !defined(REAPER) || defined(PUT_DOES_NOT_QUEUE)
#define PUT_IS_ALL	goto done
#else
#define PUT_IS_ALL	skip
#endif

#ifdef REAPER
/*
 * hak_pool_queue_reap(). The first step is atomic_read(), which its caller calls, and
 * atomic_cmpxchg(). The second is llist_add() and hak_reaper_arm(); they are one step
 * because the reaper looks at armed first, and into the queue after that.
 */
#define QUEUE_REAP								\
queue:	atomic {								\
		if								\
		:: QUEUES(s)							\
		:: !QUEUES(s) || !WHOLE(s) -> goto done;			\
		fi;								\
		marked[s] = 1;							\
	}									\
	atomic {								\
		assert(!IN(queued, s));						\
		queued = queued | (1 << s);					\
		armed = 1;							\
		goto done;							\
	}
#else
#define QUEUE_REAP								\
queue:	assert(false)
#endif

/*
 * hak_slab_park(), which goes on at PARKED_NEXT or at KEPT_NEXT. If there is a free in
 * the list, or one was counted, it stays so, because only the owner takes it. So the look
 * at it and the owner's next step are one step.
 */
#define PARK(me)								\
	PARK_LOOKS;								\
	atomic {								\
		assert(owner[s] == me && state[s] == OWNED);			\
		if								\
		:: !counted[s] ->						\
			state[s] = PARKED;					\
			owner[s] = 0;						\
			PARKED_NEXT;						\
		:: else -> KEPT_NEXT;						\
		fi;								\
	}

#ifdef PARK_LOOKS_FIRST
#define PARK_LOOKS								\
park_apart:									\
	atomic {								\
		skip;								\
park:		if								\
		:: remote[s] -> KEPT_NEXT;					\
		:: else								\
		fi								\
	}									\
	counted[s] = 0
#else
/*
 * These two are one step as well: if a pusher counts in between, it has linked its objects
 * before, so the owner finds them and keeps the slab.
 */
#define PARK_LOOKS								\
park_apart:									\
	atomic {								\
		skip;								\
park:		counted[s] = 0;							\
		if								\
		:: remote[s] -> KEPT_NEXT;					\
		:: else								\
		fi								\
	}
#endif

/*
 * With this defect a CPU clears its busy mark before it parks its slab. That harms only if
 * somebody looks at the mark: an interrupt, or a CPU that finds this one gone.
 */
#ifdef LEAVES_EARLY
#define BEFORE_PARK(me)	busy[me] = 0; goto park_apart
#else
#define BEFORE_PARK(me)	skip
#endif

/*
 * Go on at a label, and let an interrupt come before that if this is CPU 0. Such a place has
 * two labels:
 *	label_apart: atomic { skip; label: ...
 * A jump to the second, which is in the middle of an atomic sequence, makes what is there
 * part of the present step. A jump to the first makes it a step of its own.
 *
 * While CPU 0 is busy, the interrupt pushes; otherwise it gives what belongs to CPU 0's
 * slab. So it makes a difference where an operation begins and ends only if CPU 0 works
 * with its own slab.
 */
#ifdef IRQ
#define APART		(me == 0)
#else
#define APART		false
#endif
#define THEN(label)								\
	if									\
	:: APART -> goto label##_apart;						\
	:: else -> goto label;							\
	fi

#define PARKED_NEXT								\
	cur[me] = NONE;								\
	s = NONE;								\
	if									\
	:: flush -> goto done;							\
	:: else -> goto adopt_apart;						\
	fi
#define KEPT_NEXT								\
	counted[s] = 1;								\
	if									\
	:: flush -> goto put;							\
	:: else -> goto take;							\
	fi

/* A CPU in task context does one operation after the other. */
proctype cpu(byte me) provided (!(in_irq && _pid == 1))
{
	byte s = NONE, n, k;
	byte next;
	bool flush;

idle:
	atomic {
		!busy[me];
		if
		/* hak_cpu_take_from_slab(). */
		:: cur[me] != NONE -> s = cur[me];
		:: cur[me] == NONE
		/* hak_cpu_flush(), for hak_cpu_flush_this(). */
		:: cur[me] != NONE -> flush = 1; s = cur[me]; cur[me] = NONE;
		/* hak_cpu_spill(); with fast_cap=0, hak_cpu_free_uncached() or hak_cpu_put(). */
		:: out[0] -> n = 1; s = 0;
#if SLABS > 1
		:: out[1] -> n = 1; s = 1;
#endif
		fi;
		busy[me] = 1;
		inside++;
		if
		:: s == NONE -> goto adopt;
		:: flush ->
			/* hak_cpu_flush(): what has something to give is to be found. */
			if
			:: HAS_FREE(s) -> THEN(put);
			:: else -> BEFORE_PARK(me); THEN(park);
			fi
		:: s != NONE && !flush && !n -> THEN(take);
		:: n
		fi;
		if
		:: pick(1);
		:: out[s] >= 2 -> pick(2);
		:: out[s] >= 3 -> pick(3);
		fi;
		/* hak_spill_give(). */
		if
#ifdef UNOWNED_SPILL
		:: true -> THEN(give);
#else
		:: s == cur[me] -> THEN(give);
#endif
		:: else -> goto push;
		fi
	}

give_apart:	/* hak_slab_give(). */
	atomic {
		skip;
give:		assert(owner[s] == me + 1);
		hand[s] = hand[s] - n;
		uncounted[s] = uncounted[s] - n;
		freelist[s] = freelist[s] + n;
		used[s] = used[s] - n;
		BOOKS(s);
		goto done;
	}

adopt_apart:	/* hak_pool_adopt(): the pop, under the pool's lock. */
	atomic {
		skip;
adopt:		if
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
	/*
	 * hak_pool_adopt(): atomic_sub(). Objects in the freelist are taken first, and that is
	 * the owner's business. If there are none, it matters what has been pushed by then.
	 */
	atomic {
		assert(state[s] == POOLED);
		state[s] = OWNED;
		cur[me] = s;
		if
		:: freelist[s] -> goto take;
		:: else -> goto take_apart;
		fi;
	}

claim:	/* hak_superslab_claim() and hak_slab_init(). Nobody else knows the slab yet. */
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
		state[s] = OWNED;
		cur[me] = s;
		goto take;
	}

take_apart:	/* hak_slab_take(), hak_slab_take_one(); hak_slab_drain(): llist_del_all(). */
	atomic {
		skip;
take:		assert(owner[s] == me + 1);
		if
		:: freelist[s] -> freelist[s]--;
		:: !freelist[s] && remote[s] ->
			freelist[s] = remote[s] - 1;
			remote[s] = 0;
		:: !freelist[s] && !remote[s] && bump[s] < CAP(s) -> bump[s]++;
		/* If a free arrives after this look, the look in hak_slab_park() finds it. */
		:: else -> BEFORE_PARK(me); goto park;
		fi;
		out[s]++;
		used[s]++;
		BOOKS(s);
		THEN(done);
	}

	PARK(me + 1);
	PUSH_PUT_QUEUE(me + 1);
done_apart:
	atomic {
		skip;
done:		s = NONE; n = 0; next = DONE; flush = 0;
		busy[me] = 0;
		inside--;
		settled();
	}
	goto idle;
}

#undef PARKED_NEXT
#define PARKED_NEXT	goto done
#undef KEPT_NEXT
#ifdef DEAD_LOSES_KEPT
#define KEPT_NEXT	counted[s] = 1; goto done
#else
#define KEPT_NEXT	counted[s] = 1; goto put
#endif

#if defined(CLEAR_LATE) || defined(OWNS_QUEUED)
#define MAY_OWN(s)	true
#else
#define MAY_OWN(s)	(!marked[s])
#endif

#ifdef CLEAR_LATE
#define NOT_WHOLE	goto not_whole
#define CLEAR_MARK	skip
#define CLEAR_MARK_LATE	marked[s] = 0
#else
#define NOT_WHOLE	s = NONE; goto reap_apart
#define CLEAR_MARK	marked[s] = 0
#define CLEAR_MARK_LATE	skip
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
#ifdef REAPER
	byte taken;
#endif

idle:
	atomic {
		if
#ifdef REAPER
		/*
		 * hak_reap_run_queue(): atomic_xchg(). Who queues a slab arms after that, so it
		 * does no harm if this step has hak_pool_take_queue(), too.
		 */
		:: armed ->
			armed = 0;
			taken = queued;
			queued = 0;
			inside++;
			goto reap;
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
			:: else -> assert(owner[s] == 2); owner[s] = TASK;
			fi;
			/* hak_cpu_flush(). */
			if
			:: HAS_FREE(s) -> goto put;
			:: else -> goto park;
			fi
		:: down -> down = 0; busy[1] = 0; goto idle;
#endif
		:: false;
		fi
	}

#ifdef REAPER
reap_apart:	/* hak_pool_reap_taken(). */
	atomic {
		skip;
reap:		if
		:: IN(taken, 0) -> s = 0;
#if SLABS > 1
		:: IN(taken, 1) -> s = 1;
#endif
		/*
		 * If it was armed meanwhile, and the queue is empty, it would find nothing to do.
		 * So it need not run.
		 */
		:: !taken ->
			if
			:: !queued -> armed = 0;
			:: else
			fi;
			goto done;
		fi;
		taken = taken & ~(1 << s);
		/* hak_reap_unqueue(): atomic_fetch_andnot(). */
		CLEAR_MARK;
	}
	/*
	 * hak_pool_take_whole(): the slab is in the list, or is not. __hak_pool_own_whole(): the
	 * cmpxchg. The lock keeps adopters away in between. hak_pool_reap_slab() looks at the
	 * state before: if it is not POOLED, the slab is not in the list either.
	 */
	atomic {
		if
		:: IN(pool, s) && state[s] == POOLED && MAY_OWN(s) && WHOLE(s) ->
			assert(!owner[s]);
			pool = pool & ~(1 << s);
			CLEAR_MARK_LATE;
		:: else -> NOT_WHOLE;
		fi;
		/*
		 * hak_slab_release(): no CPU is about to push to the slab or to queue it. So nobody
		 * has to do with it from the cmpxchg to hak_superslab_unclaim().
		 */
		assert(!out[s] && !hand[s] && !uncounted[s]);
		BOOKS(s);
		assert(!marked[s] && !IN(queued, s));
		freelist[s] = 0;
		remote[s] = 0;
		bump[s] = 0;
		state[s] = UNUSED;
		claimed = claimed & ~(1 << s);
		s = NONE;
		goto reap_apart;
	}
#ifdef CLEAR_LATE
not_whole:
	atomic { marked[s] = 0; s = NONE; goto reap_apart; }
#endif
#endif

#ifdef OFFLINE
	PARK(TASK);
	PUSH_PUT_QUEUE(TASK);
#endif
	atomic {
		skip;
done:		s = NONE; n = 0; next = DONE;
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
		BOOKS(s);
		goto done;
	}
	PUSH_PUT_QUEUE(INTERRUPT);
	atomic {
		skip;
done:		s = NONE; n = 0; next = DONE;
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
