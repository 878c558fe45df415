// SPDX-License-Identifier: GPL-2.0
// Work for node: worker threads, JSON, Buffers that change hands. Prints checksums.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');

const JOBS = 4;

function work(seed) {
	const hash = crypto.createHash('sha256');
	const kept = [];
	let x = seed + 1;

	for (let i = 0; i < 20000; i++) {
		x = (x * 48271) % 2147483647;
		const buffer = Buffer.allocUnsafeSlow(8 + x % 3000).fill(x & 255);
		kept[x % 500] = buffer;
		if (i % 10 === 0)
			hash.update(buffer);
		if (i % 1000 === 0) {
			const packed = zlib.deflateSync(Buffer.concat(kept.filter(Boolean)));
			hash.update(zlib.inflateSync(packed));
			hash.update(JSON.stringify(JSON.parse(JSON.stringify({ i, x, kept: kept.length }))));
		}
	}
	return { digest: hash.digest('hex'), bytes: Buffer.from('x'.repeat(x % 100000)) };
}

if (isMainThread) {
	const jobs = [];
	for (let nr = 0; nr < JOBS; nr++)
		jobs.push(new Promise((resolve, reject) => {
			const worker = new Worker(__filename, { workerData: nr });
			worker.on('message', resolve);
			worker.on('error', reject);
		}));
	Promise.all(jobs).then((results) => {
		results.forEach((r, nr) => console.log(nr, r.digest, r.bytes.length,
			r.digest === work(nr).digest ? 'same' : 'differs'));
	}).catch((error) => {
		console.error(error);
		process.exit(1);
	});
} else {
	parentPort.postMessage(work(workerData));
}
