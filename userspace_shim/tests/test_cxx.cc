// SPDX-License-Identifier: GPL-2.0
/*
 * C++: new and delete in all their forms go through hakmem. In the sanitizer
 * builds they are the sanitizer's, and this tests that the two get along.
 */
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <csetjmp>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>
extern "C" {
#include <cmocka.h>
}

extern "C" unsigned long hak_usable_size(const void *p);

struct alignas(128) Wide {
	char c[200];
};

static void test_new_delete(void **)
{
	for (std::size_t n = 0; n < 3000; n += 11) {
		void *p = ::operator new(n);
		assert_non_null(p);
		std::memset(p, 1, n);
		::operator delete(p, n);
	}
	int *a = new int[1000];
	delete[] a;
	void *q = ::operator new(64, std::nothrow);
	::operator delete(q, std::nothrow);
}

static void test_aligned(void **)
{
	for (int i = 0; i < 100; i++) {
		Wide *w = new Wide;
		assert_int_equal(reinterpret_cast<std::uintptr_t>(w) % 128, 0);
		delete w;
	}
	Wide *v = new Wide[7];
	assert_int_equal(reinterpret_cast<std::uintptr_t>(v) % 128, 0);
	delete[] v;
}

static void test_bad_alloc(void **)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	volatile std::size_t huge = static_cast<std::size_t>(PTRDIFF_MAX) + 1;
	bool thrown = false;
	try {
		::operator delete(::operator new(huge));
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	assert_true(thrown);
	assert_null(::operator new(huge, std::nothrow));
	/* It is hakmem's: the block has the size of its class. */
	char *p = new char[65];
	assert_int_equal(hak_usable_size(p), 80);
	delete[] p;
#endif
}

static void fill(std::map<int, std::string> *m, int from)
{
	for (int i = 0; i < 5000; i++)
		(*m)[from + i] = std::string(i % 300, 'x');
}

/* Containers filled by one thread and emptied by another. */
static void test_containers(void **)
{
	std::vector<std::map<int, std::string> *> maps;
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		maps.push_back(new std::map<int, std::string>);
	for (int i = 0; i < 4; i++)
		threads.emplace_back(fill, maps[i], i);
	for (auto &t : threads)
		t.join();
	for (auto *m : maps) {
		assert_int_equal(m->size(), 5000);
		delete m;
	}
}

struct Late {
	std::string s = std::string(100, 'y');
	~Late() { delete new int(3); }
};

static void test_thread_local(void **)
{
	for (int i = 0; i < 50; i++) {
		std::thread t([] {
			thread_local Late late;
			late.s += "z";
		});
		t.join();
	}
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_delete),
		cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_bad_alloc),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_thread_local),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
