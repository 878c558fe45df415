-- SPDX-License-Identifier: GPL-2.0
-- Work for sqlite3: 300,000 rows, indexes, joins, changes, vacuum. Prints checksums.
PRAGMA threads = 4;
PRAGMA journal_mode = WAL;
CREATE TABLE item(id INTEGER PRIMARY KEY, kind INTEGER, name TEXT, body TEXT);
BEGIN;
WITH RECURSIVE n(i, x) AS (
	SELECT 1, 12345 UNION ALL SELECT i + 1, (x * 1103515245 + 12345) % 2147483648 FROM n WHERE i < 300000)
INSERT INTO item SELECT i, x % 97, printf('name-%d', x), substr(hex(x * i), 1, 3 + x % 30) FROM n;
COMMIT;
CREATE INDEX item_name ON item(name);
CREATE INDEX item_kind ON item(kind, body);
SELECT count(*), sum(kind), sum(length(body)), min(name), max(name) FROM item;
SELECT kind, count(*), group_concat(substr(name, -2), '') FROM item WHERE kind % 13 = 5 AND id < 3000 GROUP BY kind;
SELECT count(*) FROM item a JOIN item b ON a.name = b.name AND a.id < b.id;
SELECT sum(length(b)) FROM (SELECT body || name AS b FROM item ORDER BY body DESC, name);
UPDATE item SET body = body || body WHERE kind < 20;
DELETE FROM item WHERE kind BETWEEN 40 AND 80;
CREATE TABLE doc AS SELECT id, json_object('id', id, 'name', name, 'kind', kind) AS j FROM item;
SELECT sum(json_extract(j, '$.kind')), sum(length(j)) FROM doc;
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(kind), sum(length(body)) FROM item;
