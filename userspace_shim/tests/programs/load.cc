// SPDX-License-Identifier: GPL-2.0
// Work for g++, and then for the program it makes: containers, strings, regular
// expressions, exceptions and over-aligned new, in four threads. Prints checksums.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

constexpr int jobs = 4;

struct alignas(64) Line {
	uint64_t words[8];
};

std::mutex box_lock;
std::deque<std::unique_ptr<std::string>> box;

// Strings made by one thread are dropped by another.
void swap_strings(uint64_t x)
{
	auto mine = std::make_unique<std::string>(x % 300, 'a' + x % 26);
	std::lock_guard<std::mutex> guard(box_lock);

	box.push_back(std::move(mine));
	if (box.size() > 1000)
		box.pop_front();
}

uint64_t work(uint64_t seed)
{
	std::map<std::string, std::vector<uint64_t>> sorted;
	std::unordered_map<uint64_t, std::shared_ptr<Line>> lines;
	const std::regex even("k([0-9]*)[02468]");
	uint64_t sum = 0, x = seed + 1;

	for (int i = 0; i < 60000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		uint64_t r = x >> 33;
		auto line = std::make_shared<Line>();

		if (reinterpret_cast<uintptr_t>(line.get()) % alignof(Line))
			throw std::logic_error("misaligned");
		line->words[r % 8] = r;
		lines[r % 5000] = line;
		sorted["k" + std::to_string(r % 3000)].push_back(r);
		swap_strings(r);
		try {
			if (r % 100 == 0)
				throw std::runtime_error(std::string(r % 200, 'e'));
		} catch (const std::exception &e) {
			sum += std::string(e.what()).size();
		}
	}
	for (auto &entry : sorted) {
		std::stable_sort(entry.second.begin(), entry.second.end(), std::greater<>());
		if (std::regex_match(entry.first, even))
			sum = sum * 31 + entry.second.front();
	}
	std::ostringstream out;
	for (uint64_t i = 0; i < 5000; i++)
		if (lines.count(i))
			out << lines[i]->words[lines[i]->words[0] % 8] << ',';
	return sum ^ std::hash<std::string>()(out.str());
}

} // namespace

int main()
{
	std::vector<std::future<uint64_t>> results;

	for (int nr = 0; nr < jobs; nr++)
		results.push_back(std::async(std::launch::async, work, nr));
	for (int nr = 0; nr < jobs; nr++) {
		uint64_t got = results[nr].get();
		std::printf("%d %016llx %s\n", nr, static_cast<unsigned long long>(got),
			    got == work(nr) ? "same" : "differs");
	}
	return 0;
}
