# SPDX-License-Identifier: GPL-2.0
"""Work for python3: JSON, text, threads, forked and spawned processes. Prints checksums."""
import hashlib
import json
import multiprocessing
import re
import threading
import zlib

JOBS = 4


def records(seed, count):
    x = seed
    for i in range(count):
        x = (x * 1103515245 + 12345) % 2**31
        yield {"id": i, "name": "n%d" % x, "tags": ["t%d" % (x >> s) for s in range(x % 9)],
               "text": "word " * (x % 40), "deep": {"a": {"b": [x, None, x / 7]}}}


def work(seed):
    data = list(records(seed, 4000))
    text = json.dumps(data, sort_keys=True)
    again = json.loads(text)
    assert again == data
    by_name = {}
    for record in again:
        by_name.setdefault(record["name"][-2:], []).append(record)
    words = re.findall(r"n\d+[13579]\b", text)
    packed = zlib.compress(text.encode(), 6)
    assert zlib.decompress(packed).decode() == text
    summary = repr((sorted((k, len(v)) for k, v in by_name.items()), len(words), len(packed)))
    return hashlib.sha256((text + summary).encode()).hexdigest()


def in_threads():
    results = [None] * JOBS
    shared = [list(range(i % 50)) for i in range(20000)]

    def run(nr):
        # each thread replaces, and so frees, what others have made
        for i in range(len(shared)):
            shared[(i * 7919 + nr) % len(shared)] = list(range(i % 50))
        results[nr] = work(nr)

    threads = [threading.Thread(target=run, args=(nr,)) for nr in range(JOBS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def in_processes(method):
    with multiprocessing.get_context(method).Pool(JOBS) as pool:
        return pool.map(work, range(JOBS))


if __name__ == "__main__":
    expected = [work(nr) for nr in range(JOBS)]
    print("alone", *expected, sep="\n")
    for name, results in (("threads", in_threads()), ("fork", in_processes("fork")),
                          ("spawn", in_processes("spawn"))):
        print(name, "same" if results == expected else results)
