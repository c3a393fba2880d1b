-- A year of orders and all that belongs to them. :orders, of which the newest :open are open; :seconds between two orders; :bytes of a
-- label. Of the open ones, one in ten each waits for its label, waits for a person, or is held; the rest is ready. They are of the last
-- two days, however long the history is: so as many of them are a problem in each size.
CREATE TEMP TABLE invented AS
WITH RECURSIVE
  n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :orders),
  made AS (SELECT i, i > :orders - :open AS is_open, CASE i % 2 WHEN 0 THEN 'bench' ELSE 'other' END AS supplier,
                  printf('%d_%d', 15000000000 + i, 1000000 + i) AS this, printf('%064d', i) AS sha256,
                  strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('-%f seconds', 60 + iif(i > :orders - :open,
                    (:orders - i) * 172800.0 / :open, 172800 + (:orders - :open - i) * :seconds))) AS at FROM n)
SELECT *, is_open AND i % 10 = 1 AS unlabelled, is_open AND i % 10 = 2 AS stuck, is_open AND i % 10 = 3 AS held,
       'http://127.0.0.1/' || this AS link, 'labels/' || supplier || '/' || this || '.pdf' AS path FROM made;

INSERT INTO orders (id, supplier, menzzo_order_id, increment_id, sale_product_id, sku, quantity, price_cents, carrier, order_date,
  link_to_label, first_seen_at, acknowledged_at, acknowledge_evidence, label_link, label_path, label_sha256, label_bytes,
  label_read_sha256, shipped, shipped_at, ship_confirmed_at, ship_evidence, held_reason, planned_at, last_listed_at)
SELECT i, supplier, this, 15000000000 + i, 1000000 + i, printf('ARTICLE-%03d', i % 400), 1, 24950,
  CASE i % 4 WHEN 0 THEN 'GEODIS' WHEN 1 THEN 'DPD' WHEN 2 THEN 'GLS' ELSE 'CHRONOPOST' END, date(at),
  link, at, at, 'confirmed', iif(unlabelled, NULL, link), iif(unlabelled, NULL, path), iif(unlabelled, NULL, sha256),
  iif(unlabelled, NULL, :bytes), iif(unlabelled, NULL, sha256), NOT is_open, iif(is_open, NULL, at), iif(is_open, NULL, at),
  iif(is_open, NULL, 'confirmed'), iif(held, 'the customer asked to wait', NULL), at, at
FROM invented;

INSERT INTO calls (id, order_id, supplier, kind, subject, state, owed_at, due_at, attempts, strikes, detail)
SELECT 3 * i - 2, i, supplier, 'acknowledge', '', iif(stuck, 'parked', 'done'), at, NULL, 1, 0, iif(stuck, 'refused', NULL)
FROM invented
UNION ALL
SELECT 3 * i - 1, i, supplier, 'label', link, iif(unlabelled, 'owed', 'done'), at,
  iif(unlabelled, strftime('%Y-%m-%d %H:%M:%f000', 'now', '+2 days'), NULL), 1, 0, NULL
FROM invented
UNION ALL
SELECT 3 * i, i, supplier, 'ship', '', 'done', at, NULL, 1, 0, NULL FROM invented WHERE NOT is_open;

INSERT INTO attempts (call_id, number, started_at, ended_at, outcome, http_status, detail)
SELECT id, 1, owed_at, owed_at, iif(state = 'done', 'done', 'later'), 200, '{"success": true}' FROM calls;

INSERT INTO events (order_id, at, who, what) SELECT i, at, 'Anna', 'flagged as shipped' FROM invented WHERE NOT is_open;

INSERT INTO barcodes (order_id, code, label_sha256) SELECT i, '7' || this, sha256 FROM invented WHERE NOT unlabelled;

INSERT INTO prints (order_id, printed_at, who, printer, label_sha256, sku, quantity, carrier)
SELECT id, first_seen_at, 'Anna', 'browser', label_sha256, sku, quantity, carrier FROM orders WHERE shipped = 1;

INSERT INTO runs (id, supplier, purpose, date_from, requested_at, started_at, ended_at, pages, listed, added, proof)
SELECT 1000 + i, supplier, iif(i > :orders - 2 OR i / 2 % 12 = 0, 'sweep', 'poll'), date(at, '-14 days'), at, at, at, 1, 30, 30,
  'complete'
FROM invented WHERE i % 31 = 0 OR i > :orders - 4;

INSERT INTO reads (run_id, supplier, url, started_at, ended_at, tries, outcome, http_status, listed, added, sha256)
SELECT id, supplier, 'get-sales?page=1', started_at, ended_at, 1, 'listed', 200, 30, 30, printf('%064d', id)
FROM runs WHERE id > 1000;

UPDATE suppliers SET last_success_at = (SELECT max(at) FROM invented),
  cursor = (SELECT this FROM invented WHERE invented.supplier = suppliers.name ORDER BY i DESC LIMIT 1);

UPDATE installation SET last_decision = (SELECT coalesce(max(id), 0) FROM events);
