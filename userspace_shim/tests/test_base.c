// SPDX-License-Identifier: GPL-2.0
/*
 * The headers that need no runtime: atomics, llist, bit and number helpers, text, sleeps, and
 * reads that may fail.
 */
#include "test.h"

#include <sys/time.h>

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/overflow.h>
#include <linux/reciprocal_div.h>
#include <linux/sort.h>
#include <linux/time64.h>
#include <linux/uaccess.h>
#include <asm/page.h>

#define N	4

static void test_atomic_values(void **state)
{
	atomic_t a = ATOMIC_INIT(5);
	atomic64_t b = ATOMIC64_INIT(1LL << 40);
	atomic_long_t l = ATOMIC_LONG_INIT(-1);
	long old = -1;
	int c = 7;

	assert_int_equal(atomic_add_return(3, &a), 8);
	assert_int_equal(atomic_fetch_sub(1, &a), 8);
	assert_false(atomic_try_cmpxchg(&a, &(int){ 1 }, 2));
	assert_int_equal(atomic_cmpxchg(&a, 7, 9), 7);
	assert_int_equal(atomic_xchg(&a, 1), 9);
	assert_true(atomic_dec_and_test(&a));
	assert_false(atomic_inc_not_zero(&a));
	assert_int_equal(atomic_fetch_or(6, &a), 0);
	atomic_andnot(2, &a);
	assert_int_equal(atomic_read(&a), 4);
	assert_int_equal(atomic_dec_if_positive(&a), 3);
	assert_int_equal(atomic64_inc_return(&b), (1LL << 40) + 1);
	assert_true(atomic_long_try_cmpxchg(&l, &old, 3));
	old = 5;
	assert_false(atomic_long_try_cmpxchg(&l, &old, 4));
	assert_int_equal(old, 3);
	assert_int_equal(cmpxchg(&c, 7, 8), 7);
	assert_int_equal(cmpxchg(&c, 7, 9), 8);
	assert_int_equal(xchg(&c, 1), 8);
	smp_mb(); /* it compiles */
}

static atomic_t counter;

static void *count(void *arg)
{
	int i, old;

	for (i = 0; i < 100000 / SLOW; i++) {
		atomic_inc(&counter);
		old = atomic_read(&counter);
		while (!atomic_try_cmpxchg(&counter, &old, old + 1))
			;
	}
	return NULL;
}

static void test_atomic_threads(void **state)
{
	run_threads(N, count);
	assert_int_equal(atomic_read(&counter), 2 * N * (100000 / SLOW));
}

struct item {
	struct llist_node node;
	int from, nr;
};

#define ITEMS	(20000 / SLOW)
static LLIST_HEAD(shared);
static struct item items[N][ITEMS];
static int last_seen[N], taken;

static void *push(void *arg)
{
	long me = (long)arg;

	for (int i = 0; i < ITEMS; i += 2) {
		items[me][i] = (struct item){ .from = me, .nr = i };
		items[me][i + 1] = (struct item){ .from = me, .nr = i + 1 };
		/* Newest first, so the later number leads. */
		items[me][i + 1].node.next = &items[me][i].node;
		llist_add_batch(&items[me][i + 1].node, &items[me][i].node,
				&shared);
	}
	return NULL;
}

static void *pop(void *arg)
{
	while (taken < N * ITEMS) {
		struct llist_node *n =
			llist_reverse_order(llist_del_all(&shared));

		for (; n; n = n->next) {
			struct item *it = llist_entry(n, struct item, node);

			if (it->nr != last_seen[it->from])
				return "out of order";
			last_seen[it->from]++;
			taken++;
		}
		sched_yield();
	}
	return NULL;
}

/*
 * Batches of several threads: no node is lost or doubled, and each thread's come
 * in order.
 */
static void test_llist_threads(void **state)
{
	pthread_t t;
	void *res;

	pthread_create(&t, NULL, pop, NULL);
	run_threads(N, push);
	pthread_join(t, &res);
	assert_null(res);
	assert_true(llist_empty(&shared));
}

static void test_llist_edge(void **state)
{
	struct llist_node a, b;
	LLIST_HEAD(head);

	assert_null(llist_del_all(&head));
	assert_true(llist_add(&a, &head));
	assert_false(llist_add(&b, &head));
	assert_ptr_equal(llist_del_all(&head), &b);
	assert_ptr_equal(b.next, &a);
	assert_null(a.next);
	assert_true(llist_empty(&head));
}

static void test_list(void **state)
{
	struct item_l { struct list_head l; int v; } e[3], *p, *n;
	LIST_HEAD(head);
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		e[i].v = i;
		list_add_tail(&e[i].l, &head);
	}
	assert_ptr_equal(list_first_entry(&head, struct item_l, l), &e[0]);
	list_move(&e[2].l, &head);
	assert_ptr_equal(list_first_entry(&head, struct item_l, l), &e[2]);
	list_for_each_entry_safe(p, n, &head, l) {
		sum = sum * 10 + p->v;
		list_del(&p->l);
	}
	assert_int_equal(sum, 201);
	assert_true(list_empty(&head));
	assert_null(list_first_entry_or_null(&head, struct item_l, l));
}

static void test_bits(void **state)
{
	DECLARE_BITMAP(map, 130);
	unsigned long bit, n = 0;

	assert_int_equal(__ffs(0x50), 4);
	assert_int_equal(__fls(0x50), 6);
	assert_int_equal(fls(0), 0);
	assert_int_equal(ilog2(4097), 12);
	assert_int_equal(roundup_pow_of_two(65), 128);
	assert_int_equal(order_base_2(65), 7);
	assert_int_equal(get_order(4097), 1);
	bitmap_zero(map, 130);
	assert_int_equal(find_first_bit(map, 130), 130);
	__set_bit(129, map);
	set_bit(64, map);
	assert_true(test_and_set_bit(64, map));
	assert_int_equal(find_next_bit(map, 130, 65), 129);
	for_each_set_bit(bit, map, 130)
		n += bit;
	assert_int_equal(n, 193);
	bitmap_fill(map, 130);
	assert_int_equal(find_first_zero_bit(map, 130), 130);
}

static void test_numbers(void **state)
{
	size_t s;
	int i;

	assert_int_equal(min(3, max(1, 2)), 2);
	assert_int_equal(clamp(9, 1, 5), 5);
	assert_true(check_mul_overflow((size_t)1 << 40, (size_t)1 << 40, &s));
	assert_int_equal(array_size((size_t)1 << 40, (size_t)1 << 40), SIZE_MAX);
	assert_int_equal(ALIGN(65, 64), 128);
	assert_int_equal(DIV_ROUND_UP(65, 64), 2);
	assert_true(IS_ERR(ERR_PTR(-ENOMEM)));
	assert_int_equal(PTR_ERR(ERR_PTR(-ENOMEM)), -ENOMEM);
	assert_false(IS_ERR((void *)4096));
	for (u32 d = 1; d < 2000; d++) {
		struct reciprocal_value r = reciprocal_value(d);

		for (i = 0; i < 100; i++) {
			u32 a = i * 2654435761U;

			assert_int_equal(reciprocal_divide(a, r), a / d);
		}
	}
	assert_int_equal(IS_ENABLED(CONFIG_SMP), 1);
	assert_int_equal(IS_ENABLED(CONFIG_PREEMPT_RT), 0);
}

static void test_kstrto(void **state)
{
	unsigned int v = 99;
	bool b;

	assert_int_equal(kstrtouint("64", 0, &v), 0);
	assert_int_equal(v, 64);
	assert_int_equal(kstrtouint("0x40\n", 0, &v), 0);
	assert_int_equal(v, 64);
	assert_int_equal(kstrtouint("010", 0, &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(kstrtouint("", 0, &v), -EINVAL);
	assert_int_equal(kstrtouint("-1", 0, &v), -EINVAL);
	assert_int_equal(kstrtouint("1x", 0, &v), -EINVAL);
	assert_int_equal(kstrtouint(" 1", 0, &v), -EINVAL);
	assert_int_equal(kstrtouint("4294967296", 0, &v), -ERANGE);
	assert_int_equal(kstrtouint("99999999999999999999999", 0, &v), -ERANGE);
	/* 2^64 + 1 */
	assert_int_equal(kstrtouint("18446744073709551617", 0, &v), -ERANGE);
	assert_int_equal(kstrtobool("on", &b), 0);
	assert_true(b);
	assert_int_equal(kstrtobool("maybe", &b), -EINVAL);
}

static int cmp_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void test_sort(void **state)
{
	int v[257];

	for (int i = 0; i < 257; i++)
		v[i] = (i * 7919) % 257;
	sort(v, 257, sizeof(int), cmp_int, NULL);
	for (int i = 0; i < 257; i++)
		assert_int_equal(v[i], i);
}

/* Also few elements, and equal ones. */
static void test_sort_few(void **state)
{
	int v[12];

	for (int n = 0; n <= 12; n++) {
		for (int i = 0; i < n; i++)
			v[i] = (n - i) * 5 % 7;
		sort(v, n, sizeof(int), cmp_int, NULL);
		for (int i = 1; i < n; i++)
			assert_true(v[i - 1] <= v[i]);
	}
}

static void test_format(void **state)
{
	char b[64];

	scnprintf(b, 64, "%d|%5u|%-5d|%05d|%x|%#lx", -3, 7U, 8, -9, 255U, 16UL);
	assert_string_equal(b, "-3|    7|8    |-0009|ff|0x10");
	scnprintf(b, 64, "%s|%.2s|%6s|%c|%%|%llu|%zu", "abc", "abc", "ab", 'x',
		  ~0ULL, (size_t)3);
	assert_string_equal(b, "abc|ab|    ab|x|%|18446744073709551615|3");
	scnprintf(b, 64, "%pS %px", (void *)0x1234, (void *)0);
	assert_string_equal(b, "0x1234 0");
	assert_int_equal(scnprintf(b, 4, "%s", "abcdef"), 3);
	assert_string_equal(b, "abc");
	assert_int_equal(scnprintf(b, 0, "%s", "abcdef"), 0);
	scnprintf(b, 64, "%ld|%d|%.0s|%.3s|%05x", LONG_MIN, -1, "abc", "ab", 10U);
	assert_string_equal(b, "-9223372036854775808|-1||ab|0000a");
}

/* A message that cannot be written leaves errno as it was. */
static void test_print_errno(void **state)
{
	int err = dup(STDERR_FILENO);

	close(STDERR_FILENO);
	errno = EDOM;
	pr_info("nobody reads this\n");
	assert_int_equal(errno, EDOM);
	dup2(err, STDERR_FILENO);
	close(err);
}

/* Ten messages in five seconds. */
static void test_ratelimit(void **state)
{
	struct shim_ratelimit rs = { 0 };
	int i;

	for (int round = 0; round < 2; round++) {
		for (i = 0; i < 10; i++)
			assert_true(shim_ratelimit_ok(&rs));
		for (i = 0; i < 10; i++)
			assert_false(shim_ratelimit_ok(&rs));
		rs.begin -= 6 * NSEC_PER_SEC;
	}
}

/* What cannot be read to its end is not read at all. */
static void test_nofault(void **state)
{
	char *p = mmap(NULL, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char to[2 * PAGE_SIZE] = "", *end = p + 2 * PAGE_SIZE;

	memset(p, 5, 3 * PAGE_SIZE);
	mprotect(end, PAGE_SIZE, PROT_NONE);
	errno = EDOM;
	assert_int_equal(copy_from_kernel_nofault(to, end - 100, 101), -EFAULT);
	assert_int_equal(copy_from_kernel_nofault(to, end - PAGE_SIZE - 1, 2 * PAGE_SIZE), -EFAULT);
	assert_int_equal(copy_from_kernel_nofault(to, end, 1), -EFAULT);
	assert_int_equal(to[0], 0);
	assert_int_equal(copy_from_kernel_nofault(to, p + 1, 2 * PAGE_SIZE - 1), 0);
	assert_int_equal(to[2 * PAGE_SIZE - 2], 5);
	assert_int_equal(to[2 * PAGE_SIZE - 1], 0);
	assert_int_equal(errno, EDOM);
	munmap(p, 3 * PAGE_SIZE);
}

static void on_alarm(int sig)
{
}

/* A signal does not end a sleep. */
static void test_sleep_interrupted(void **state)
{
	struct itimerval soon = { .it_value.tv_usec = 5000 }, never = { 0 };
	u64 begin = ktime_get_ns();

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	shim_sleep_ns(50000000);
	assert_true(ktime_get_ns() - begin >= 50000000);
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_atomic_values),
		cmocka_unit_test(test_atomic_threads),
		cmocka_unit_test(test_llist_threads),
		cmocka_unit_test(test_llist_edge),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_kstrto),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_sort_few),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_print_errno),
		cmocka_unit_test(test_ratelimit),
		cmocka_unit_test(test_nofault),
		cmocka_unit_test(test_sleep_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
