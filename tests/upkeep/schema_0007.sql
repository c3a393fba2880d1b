BEGIN TRANSACTION;
CREATE TABLE after_sales (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	sav_id VARCHAR NOT NULL, 
	complaint VARCHAR, 
	status VARCHAR, 
	opened_on VARCHAR, 
	seen_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id), 
	UNIQUE (order_id, sav_id)
);
INSERT INTO "after_sales" VALUES(1,1,'789','damage','in_progress','2026-01-20','2026-11-23 06:20:00.000000','2026-11-23 06:20:00.000000');
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO "alembic_version" VALUES('0007');
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	cause VARCHAR NOT NULL, 
	supplier VARCHAR, 
	text VARCHAR NOT NULL, 
	since DATETIME NOT NULL, 
	told_at DATETIME, 
	told_count INTEGER, 
	solved_at DATETIME, 
	solved_told_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "alerts" VALUES(1,'parked','notio','one order waits','2026-11-23 06:00:00.000000',NULL,NULL,NULL,NULL);
CREATE TABLE api_keys (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	key_sha256 VARCHAR NOT NULL, 
	may VARCHAR NOT NULL, 
	added_at DATETIME NOT NULL, 
	added_by VARCHAR NOT NULL, 
	suppliers VARCHAR, 
	revoked_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "api_keys" VALUES(1,'wms','00','ship','2026-11-23 06:20:00.000000','Ana',NULL,NULL);
CREATE TABLE api_requests (
	program VARCHAR NOT NULL, 
	answer INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	last_at DATETIME NOT NULL, 
	PRIMARY KEY (program, answer)
);
INSERT INTO "api_requests" VALUES('wms',200,3,'2026-11-23 06:20:00.000000');
CREATE TABLE articles (
	supplier VARCHAR NOT NULL, 
	sku VARCHAR NOT NULL, 
	name VARCHAR, 
	bin VARCHAR, 
	cartons INTEGER, 
	imported_at DATETIME NOT NULL, 
	PRIMARY KEY (supplier, sku)
);
INSERT INTO "articles" VALUES('notio','SOFA-3P','Sofa, three seats','A-12',2,'2026-11-23 06:00:00.000000');
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	call_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	outcome VARCHAR, 
	http_status INTEGER, 
	detail VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(call_id) REFERENCES calls (id), 
	UNIQUE (call_id, number)
);
INSERT INTO "attempts" VALUES(1,2,1,'2026-11-23 06:00:02.010000','2026-11-23 06:00:02.510000','done',200,'2575 bytes, sha256 cdcbb537bd9001477b70c274961bddd0d86a481a0fb6f158c3412dcce1cdb9f0');
INSERT INTO "attempts" VALUES(2,10,1,'2026-11-23 06:00:02.260000','2026-11-23 06:00:02.510000','done',200,'2575 bytes, sha256 ef1ce215766a88a9957a6ca487c87556a7cb0252a9aaddabca3be857f6fd5a94');
INSERT INTO "attempts" VALUES(3,4,1,'2026-11-23 06:00:03.015000','2026-11-23 06:00:03.515000','done',200,'2575 bytes, sha256 23f4fabcabe8f995d5f8edc95c966a294c970f5c43bbaae6e303bfcf55670ceb');
INSERT INTO "attempts" VALUES(4,12,1,'2026-11-23 06:00:03.265000','2026-11-23 06:00:03.515000','done',200,'2575 bytes, sha256 87f76b4fec73663debf79d281ac4331b7d9f3d6c0982ea777b40cd35db74d4dc');
INSERT INTO "attempts" VALUES(5,6,1,'2026-11-23 06:00:04.020000','2026-11-23 06:00:04.520000','done',200,'2575 bytes, sha256 09440e8da018bb3f91988fa5472475e1197fa1d25ffe0bc09a8cbc77b4a78ef2');
INSERT INTO "attempts" VALUES(6,14,1,'2026-11-23 06:00:04.270000','2026-11-23 06:00:04.520000','done',200,'2575 bytes, sha256 8ecb8d3057586d8b497c5ee267968831d7ce66767ac035e972878fa610b28e46');
INSERT INTO "attempts" VALUES(7,8,1,'2026-11-23 06:00:05.025000','2026-11-23 06:00:05.525000','done',200,'2575 bytes, sha256 53d2d0f4f14593080b3765489db2da75bb643262afbc1d4db549aef25412b353');
INSERT INTO "attempts" VALUES(8,16,1,'2026-11-23 06:00:05.275000','2026-11-23 06:00:05.525000','done',200,'2575 bytes, sha256 a2283f283524e01271513044130ef399bcd30e7af94a2f59aae7d9d63b5c73a0');
INSERT INTO "attempts" VALUES(9,1,1,'2026-11-23 06:00:07.035000','2026-11-23 06:00:07.535000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(10,9,1,'2026-11-23 06:00:07.285000','2026-11-23 06:00:07.535000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(11,3,1,'2026-11-23 06:00:08.040000','2026-11-23 06:00:08.540000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(12,11,1,'2026-11-23 06:00:08.290000','2026-11-23 06:00:08.540000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(13,5,1,'2026-11-23 06:00:09.045000','2026-11-23 06:00:09.545000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(14,13,1,'2026-11-23 06:00:09.295000','2026-11-23 06:00:09.545000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(15,7,1,'2026-11-23 06:00:10.050000','2026-11-23 06:00:10.550000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(16,15,1,'2026-11-23 06:00:10.300000','2026-11-23 06:00:10.550000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(17,17,1,'2026-11-23 06:00:11.055000','2026-11-23 06:00:11.555000','refused',200,'{"success": false, "error": "unknown product"}');
INSERT INTO "attempts" VALUES(18,19,1,'2026-11-23 06:00:12.060000','2026-11-23 06:00:12.560000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(19,21,1,'2026-11-23 06:00:13.065000','2026-11-23 06:00:13.565000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(20,18,1,'2026-11-23 06:00:14.070000','2026-11-23 06:00:14.570000','done',200,'2575 bytes, sha256 fa65585b3cbe9e2b6ba91471276e97af34c53237b2e034deb63a7d2c337b8ccc');
INSERT INTO "attempts" VALUES(21,20,1,'2026-11-23 06:00:15.075000','2026-11-23 06:00:15.575000','done',200,'2668 bytes, sha256 c905d95e006c1df0d4c1eef0962fa780b25c05f83fea56b8869cbb2630a64ad9');
INSERT INTO "attempts" VALUES(22,22,1,'2026-11-23 06:00:16.080000','2026-11-23 06:00:16.580000','later',404,'not ready: {"success": false, "error": "label not found"}');
INSERT INTO "attempts" VALUES(23,22,2,'2026-11-23 06:05:48.238743','2026-11-23 06:05:48.488743','later',404,'not ready: {"success": false, "error": "label not found"}');
INSERT INTO "attempts" VALUES(24,23,1,'2026-11-23 06:06:40.000000','2026-11-23 06:06:41.505000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(25,24,1,'2026-11-23 06:06:40.250000','2026-11-23 06:06:41.505000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(26,25,1,'2026-11-23 06:06:41.255000','2026-11-23 06:06:41.505000','done',200,'{"success": true}');
INSERT INTO "attempts" VALUES(27,26,1,'2026-11-23 06:11:40.000000','2026-11-23 06:11:40.250000','unknown',NULL,'the connection was closed without an answer');
INSERT INTO "attempts" VALUES(28,22,3,'2026-11-23 06:15:52.844861','2026-11-23 06:15:53.094861','later',404,'not ready: {"success": false, "error": "label not found"}');
INSERT INTO "attempts" VALUES(29,27,1,'2026-11-23 06:18:20.000000',NULL,NULL,NULL,NULL);
CREATE TABLE barcodes (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	code VARCHAR NOT NULL, 
	label_sha256 VARCHAR NOT NULL, page INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id), 
	UNIQUE (order_id, code)
);
INSERT INTO "barcodes" VALUES(1,1,'6A00000000001','cdcbb537bd9001477b70c274961bddd0d86a481a0fb6f158c3412dcce1cdb9f0',NULL);
CREATE TABLE bot_feeds (
	supplier VARCHAR NOT NULL, 
	shop_url VARCHAR NOT NULL, 
	since DATETIME NOT NULL, 
	PRIMARY KEY (supplier)
);
INSERT INTO "bot_feeds" VALUES('notio','https://shop.example','2026-11-23 06:20:00.000000');
CREATE TABLE bot_orders (
	id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	shop_id VARCHAR NOT NULL, 
	number VARCHAR NOT NULL, 
	dispatched_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (supplier, shop_id)
);
INSERT INTO "bot_orders" VALUES(1,'notio','512','#1001','2026-11-23 06:20:00.000000','2026-11-23 06:20:00.000000');
CREATE TABLE calls (
	id INTEGER NOT NULL, 
	order_id INTEGER, 
	supplier VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	owed_at DATETIME NOT NULL, 
	due_at DATETIME, 
	attempts INTEGER NOT NULL, 
	strikes INTEGER NOT NULL, 
	detail VARCHAR, 
	PRIMARY KEY (id), 
	CONSTRAINT state_is_known CHECK (state IN ('owed', 'sending', 'done', 'parked', 'unknown', 'dropped')), 
	FOREIGN KEY(order_id) REFERENCES orders (id), 
	UNIQUE (order_id, kind)
);
INSERT INTO "calls" VALUES(1,1,'asir-group','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(2,1,'asir-group','label','https://api.menzzo.fr/api/files/labels/asir-group/15000000001_1.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(3,2,'asir-group','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(4,2,'asir-group','label','https://api.menzzo.fr/api/files/labels/asir-group/15000000002_2.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(5,3,'asir-group','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(6,3,'asir-group','label','https://api.menzzo.fr/api/files/labels/asir-group/15000000003_3.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(7,4,'asir-group','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(8,4,'asir-group','label','https://api.menzzo.fr/api/files/labels/asir-group/15000000004_4.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(9,5,'notio','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(10,5,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000005_5.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(11,6,'notio','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(12,6,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000006_6.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(13,7,'notio','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(14,7,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000007_7.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(15,8,'notio','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(16,8,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000008_8.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(17,9,'notio','acknowledge','','parked','2026-11-23 06:00:01.505000',NULL,1,1,'{"success": false, "error": "unknown product"}');
INSERT INTO "calls" VALUES(18,9,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000009_9.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(19,10,'notio','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(20,10,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000010_10.pdf','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(21,11,'notio','acknowledge','','done','2026-11-23 06:00:01.505000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(22,11,'notio','label','https://api.menzzo.fr/api/files/labels/notio/15000000011_11.pdf','owed','2026-11-23 06:00:01.505000','2026-11-23 06:30:00.000000',3,3,'not ready: {"success": false, "error": "label not found"}');
INSERT INTO "calls" VALUES(23,1,'asir-group','ship','','done','2026-11-23 06:06:40.000000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(24,2,'asir-group','ship','','done','2026-11-23 06:06:40.000000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(25,5,'notio','ship','','done','2026-11-23 06:06:41.255000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(26,6,'notio','ship','','unknown','2026-11-23 06:11:40.000000',NULL,1,0,'the answer was lost or unclear: the connection was closed without an answer');
INSERT INTO "calls" VALUES(27,3,'asir-group','ship','','sending','2026-11-23 06:18:20.000000',NULL,1,0,NULL);
INSERT INTO "calls" VALUES(28,NULL,'erp','webhook.erp','evt_1','owed','2026-11-23 06:20:00.000000','2026-11-23 06:20:00.000000',0,0,NULL);
CREATE TABLE chores (
	name VARCHAR NOT NULL, 
	done_at DATETIME NOT NULL, 
	detail VARCHAR, 
	PRIMARY KEY (name)
);
INSERT INTO "chores" VALUES('retention','2026-11-23 06:00:00.000000',NULL);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	what VARCHAR NOT NULL, 
	detail VARCHAR, station VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "events" VALUES(1,1,'2026-11-21 22:51:28.632000','database','flagged as shipped',NULL,NULL);
INSERT INTO "events" VALUES(2,2,'2026-11-21 22:51:28.638000','database','flagged as shipped',NULL,NULL);
INSERT INTO "events" VALUES(3,5,'2026-11-21 22:51:28.640000','database','flagged as shipped',NULL,NULL);
INSERT INTO "events" VALUES(4,6,'2026-11-21 22:51:29.232000','database','flagged as shipped',NULL,NULL);
INSERT INTO "events" VALUES(5,3,'2026-11-21 22:51:29.846000','database','flagged as shipped',NULL,NULL);
INSERT INTO "events" VALUES(6,7,'2026-11-23 06:18:20.250000','anna','held','the customer asks for another colour',NULL);
INSERT INTO "events" VALUES(7,8,'2026-11-23 06:18:20.250000','anna','closed','shipped by hand, é ; '' 
 two lines',NULL);
INSERT INTO "events" VALUES(8,11,'2026-11-23 06:18:20.250000','anna','override','lets it go without its label',NULL);
INSERT INTO "events" VALUES(9,11,'2026-11-23 06:18:20.250000','anna','flagged as shipped',NULL,NULL);
CREATE TABLE installation (
	id INTEGER NOT NULL, 
	ledger_id VARCHAR, 
	epoch INTEGER NOT NULL, 
	last_decision INTEGER NOT NULL, 
	ledger_lost_at DATETIME, 
	ledger_lost_why VARCHAR, 
	new_ledger_by VARCHAR, 
	PRIMARY KEY (id)
);
INSERT INTO "installation" VALUES(1,'a1b2c3',2,0,NULL,NULL,NULL);
CREATE TABLE label_facts (
	order_id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	carrier VARCHAR, 
	label_sha256 VARCHAR NOT NULL, 
	names_order INTEGER NOT NULL, 
	names_increment INTEGER NOT NULL, 
	names_part INTEGER NOT NULL, 
	names_carrier INTEGER, 
	fits_quantity INTEGER, 
	seen_order VARCHAR, 
	seen_carrier VARCHAR, 
	PRIMARY KEY (order_id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "label_facts" VALUES(4,'asir-group','GEODIS','53d2d0f4f14593080b3765489db2da75bb643262afbc1d4db549aef25412b353',1,1,1,1,1,NULL,NULL);
CREATE TABLE lanes (
	supplier VARCHAR NOT NULL, 
	lane VARCHAR NOT NULL, 
	failures INTEGER NOT NULL, 
	failing_since DATETIME, 
	failed_at DATETIME, 
	resume_at DATETIME, 
	reason VARCHAR, 
	last_order_id INTEGER, redirected_to VARCHAR, 
	PRIMARY KEY (supplier, lane)
);
INSERT INTO "lanes" VALUES('asir-group','reads',0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "lanes" VALUES('asir-group','writes',0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "lanes" VALUES('asir-group','labels',2,'2026-11-23 06:10:00.000000','2026-11-23 06:11:00.000000','2026-11-23 06:12:00.000000','reset',NULL,NULL);
INSERT INTO "lanes" VALUES('notio','reads',0,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "lanes" VALUES('notio','writes',1,'2026-11-23 06:11:40.250000','2026-11-23 06:11:40.250000','2026-11-23 06:11:45.541356','the connection was closed without an answer',6,NULL);
INSERT INTO "lanes" VALUES('notio','labels',0,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE loaded (
	id INTEGER NOT NULL, 
	load_id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	left_at DATETIME, 
	removed_at DATETIME, 
	removed_by VARCHAR, 
	stayed_because VARCHAR, 
	label_sha256 VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(load_id) REFERENCES loads (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "loaded" VALUES(1,1,4,'2026-11-23 06:11:00.000000','Anna',NULL,NULL,NULL,NULL,'53d2d0f4f14593080b3765489db2da75bb643262afbc1d4db549aef25412b353');
CREATE TABLE loaded_parcels (
	id INTEGER NOT NULL, 
	loaded_id INTEGER NOT NULL, 
	page INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	label_sha256 VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(loaded_id) REFERENCES loaded (id), 
	UNIQUE (loaded_id, label_sha256, page)
);
INSERT INTO "loaded_parcels" VALUES(1,1,1,'2026-11-23 06:11:00.000000','Anna','53d2d0f4f14593080b3765489db2da75bb643262afbc1d4db549aef25412b353');
CREATE TABLE loads (
	id INTEGER NOT NULL, 
	vehicle VARCHAR NOT NULL, 
	opened_at DATETIME NOT NULL, 
	opened_by VARCHAR NOT NULL, 
	station VARCHAR NOT NULL, 
	departed_at DATETIME, 
	departed_by VARCHAR, 
	PRIMARY KEY (id)
);
INSERT INTO "loads" VALUES(1,'AB-123-CD','2026-11-23 06:10:00.000000','Anna','bench 1',NULL,NULL);
CREATE TABLE order_scans (
	order_id INTEGER NOT NULL, 
	carrier VARCHAR NOT NULL, 
	answered_at DATETIME NOT NULL, 
	parcels INTEGER NOT NULL, 
	unscanned INTEGER NOT NULL, 
	settled_at DATETIME, 
	settled_by VARCHAR, 
	PRIMARY KEY (order_id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "order_scans" VALUES(1,'laposte','2026-11-23 06:20:00.000000',2,1,NULL,NULL);
CREATE TABLE orders (
	id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	menzzo_order_id VARCHAR NOT NULL, 
	increment_id VARCHAR NOT NULL, 
	sale_product_id VARCHAR NOT NULL, 
	sku VARCHAR, 
	quantity INTEGER, 
	price_cents INTEGER, 
	carrier VARCHAR, 
	order_date DATE, 
	link_to_label VARCHAR, 
	problem VARCHAR, 
	first_seen_at DATETIME NOT NULL, 
	acknowledged_at DATETIME, 
	label_link VARCHAR, 
	label_path VARCHAR, 
	label_sha256 VARCHAR, 
	label_bytes INTEGER, 
	shipped INTEGER NOT NULL, 
	shipped_at DATETIME, 
	ship_confirmed_at DATETIME, 
	override_by VARCHAR, 
	held_reason VARCHAR, 
	closed_reason VARCHAR, 
	planned_at DATETIME, label_read_sha256 VARCHAR, last_listed_at DATETIME, vanished_at DATETIME, acknowledge_evidence VARCHAR, ship_evidence VARCHAR, undo_opened_at DATETIME, override_covers VARCHAR, held_code VARCHAR, fault VARCHAR, missed_at DATETIME, label_pages INTEGER, parcels_confirmed INTEGER, sale_asked_at DATETIME, after_sales_at DATETIME, sav_asked_at DATETIME, scan_asked_at DATETIME, scanned_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE (supplier, menzzo_order_id), 
	CONSTRAINT shipped_is_0_or_1 CHECK (shipped IN (0, 1))
);
INSERT INTO "orders" VALUES(1,'asir-group','15000000001_1','15000000001','1','SOFA-3P',2,24901,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/asir-group/15000000001_1.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:07.285000','https://api.menzzo.fr/api/files/labels/asir-group/15000000001_1.pdf','labels/asir-group/15000000001_1.pdf','cdcbb537bd9001477b70c274961bddd0d86a481a0fb6f158c3412dcce1cdb9f0',2575,1,'2026-11-21 22:51:28.632000','2026-11-23 06:06:40.250000',NULL,NULL,NULL,'2026-11-23 06:06:41.505000','cdcbb537bd9001477b70c274961bddd0d86a481a0fb6f158c3412dcce1cdb9f0','2026-11-23 07:00:00.000000',NULL,'confirmed','confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(2,'asir-group','15000000002_2','15000000002','2','SOFA-3P',1,24902,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/asir-group/15000000002_2.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:08.290000','https://api.menzzo.fr/api/files/labels/asir-group/15000000002_2.pdf','labels/asir-group/15000000002_2.pdf','23f4fabcabe8f995d5f8edc95c966a294c970f5c43bbaae6e303bfcf55670ceb',2575,1,'2026-11-21 22:51:28.638000','2026-11-23 06:06:41.255000',NULL,NULL,NULL,'2026-11-23 06:06:41.505000',NULL,NULL,NULL,'confirmed','confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(3,'asir-group','15000000003_3','15000000003','3','SOFA-3P',2,24903,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/asir-group/15000000003_3.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:09.295000','https://api.menzzo.fr/api/files/labels/asir-group/15000000003_3.pdf','labels/asir-group/15000000003_3.pdf','09440e8da018bb3f91988fa5472475e1197fa1d25ffe0bc09a8cbc77b4a78ef2',2575,1,'2026-11-21 22:51:29.846000',NULL,NULL,NULL,NULL,'2026-11-23 06:18:20.000000',NULL,NULL,NULL,'confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(4,'asir-group','15000000004_4','15000000004','4','SOFA-3P',1,24904,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/asir-group/15000000004_4.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:10.300000','https://api.menzzo.fr/api/files/labels/asir-group/15000000004_4.pdf','labels/asir-group/15000000004_4.pdf','53d2d0f4f14593080b3765489db2da75bb643262afbc1d4db549aef25412b353',2575,0,NULL,NULL,NULL,NULL,NULL,'2026-11-23 06:00:10.550000',NULL,NULL,NULL,'confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(5,'notio','15000000005_5','15000000005','5','SOFA-3P',2,24905,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000005_5.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:07.535000','https://api.menzzo.fr/api/files/labels/notio/15000000005_5.pdf','labels/notio/15000000005_5.pdf','ef1ce215766a88a9957a6ca487c87556a7cb0252a9aaddabca3be857f6fd5a94',2575,1,'2026-11-21 22:51:28.640000','2026-11-23 06:06:41.505000',NULL,NULL,NULL,'2026-11-23 06:06:41.505000',NULL,NULL,NULL,'confirmed','confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(6,'notio','15000000006_6','15000000006','6','SOFA-3P',1,24906,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000006_6.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:08.540000','https://api.menzzo.fr/api/files/labels/notio/15000000006_6.pdf','labels/notio/15000000006_6.pdf','87f76b4fec73663debf79d281ac4331b7d9f3d6c0982ea777b40cd35db74d4dc',2575,1,'2026-11-21 22:51:29.232000',NULL,NULL,NULL,NULL,'2026-11-23 06:11:40.000000',NULL,NULL,NULL,'confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(7,'notio','15000000007_7','15000000007','7','SOFA-3P',2,24907,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000007_7.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:09.545000','https://api.menzzo.fr/api/files/labels/notio/15000000007_7.pdf','labels/notio/15000000007_7.pdf','8ecb8d3057586d8b497c5ee267968831d7ce66767ac035e972878fa610b28e46',2575,0,NULL,NULL,NULL,'the customer asks for another colour',NULL,NULL,NULL,NULL,NULL,'confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(8,'notio','15000000008_8','15000000008','8','SOFA-3P',1,24908,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000008_8.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:10.550000','https://api.menzzo.fr/api/files/labels/notio/15000000008_8.pdf','labels/notio/15000000008_8.pdf','a2283f283524e01271513044130ef399bcd30e7af94a2f59aae7d9d63b5c73a0',2575,0,NULL,NULL,NULL,NULL,'shipped by hand, é ; '' 
 two lines',NULL,NULL,NULL,NULL,'confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(9,'notio','15000000009_9','15000000009','9','SOFA-3P',2,24909,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000009_9.pdf',NULL,'2026-11-23 06:00:01.505000',NULL,'https://api.menzzo.fr/api/files/labels/notio/15000000009_9.pdf','labels/notio/15000000009_9.pdf','fa65585b3cbe9e2b6ba91471276e97af34c53237b2e034deb63a7d2c337b8ccc',2575,0,NULL,NULL,NULL,NULL,NULL,'2026-11-23 06:00:14.570000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(10,'notio','15000000010_10','15000000010','10','SOFA-3P',1,24910,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000010_10.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:12.560000','https://api.menzzo.fr/api/files/labels/notio/15000000010_10.pdf','labels/notio/15000000010_10.pdf','c905d95e006c1df0d4c1eef0962fa780b25c05f83fea56b8869cbb2630a64ad9',2668,0,NULL,NULL,NULL,NULL,NULL,'2026-11-23 06:00:15.575000',NULL,NULL,NULL,'confirmed',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(11,'notio','15000000011_11','15000000011','11','SOFA-3P',2,24911,'GEODIS','2026-11-23','https://api.menzzo.fr/api/files/labels/notio/15000000011_11.pdf',NULL,'2026-11-23 06:00:01.505000','2026-11-23 06:00:13.565000',NULL,NULL,NULL,NULL,1,'2026-11-23 06:18:20.250000',NULL,'anna',NULL,NULL,NULL,NULL,NULL,NULL,'confirmed',NULL,NULL,'not_acknowledged,no_label',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE parcel_scans (
	order_id INTEGER NOT NULL, 
	code VARCHAR NOT NULL, 
	supplier VARCHAR NOT NULL, 
	carrier VARCHAR NOT NULL, 
	page INTEGER, 
	asked_at DATETIME NOT NULL, 
	found INTEGER NOT NULL, 
	scanned_at DATETIME, 
	event VARCHAR, 
	PRIMARY KEY (order_id, code), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "parcel_scans" VALUES(1,'XY000000001FR','notio','laposte',1,'2026-11-23 06:20:00.000000',1,'2026-11-23 06:20:00.000000','PC1');
CREATE TABLE parcels (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	code VARCHAR NOT NULL, 
	scanned_at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	station VARCHAR, 
	undone_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "parcels" VALUES(1,4,'JJD0001','2026-11-23 06:10:00.000000','Anna','bench 1',NULL);
CREATE TABLE people (
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	pin_scrypt VARCHAR NOT NULL, 
	added_at DATETIME NOT NULL, 
	left_at DATETIME, sessions_ended INTEGER DEFAULT '0' NOT NULL, suppliers VARCHAR, badge_sha256 VARCHAR, 
	PRIMARY KEY (name)
);
INSERT INTO "people" VALUES('Anna','packer','00$00','2026-11-23 06:00:00.000000',NULL,0,'notio',NULL);
CREATE TABLE prints (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	printed_at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	station VARCHAR, 
	printer VARCHAR NOT NULL, 
	label_sha256 VARCHAR, 
	sku VARCHAR, 
	quantity INTEGER, 
	carrier VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "prints" VALUES(1,1,'2026-11-20 09:00:00.000000','Anna','Bench 1','zebra','cdcbb537bd9001477b70c274961bddd0d86a481a0fb6f158c3412dcce1cdb9f0','SOFA-3P',2,'GEODIS');
CREATE TABLE products (
	supplier VARCHAR NOT NULL, 
	sku VARCHAR NOT NULL, 
	asked_at DATETIME NOT NULL, 
	name VARCHAR, 
	picture VARCHAR, 
	picture_bytes INTEGER, 
	PRIMARY KEY (supplier, sku)
);
INSERT INTO "products" VALUES('notio','SOFA-3P','2026-11-23 06:20:00.000000','Sofa','pictures/notio/1.png',70);
CREATE TABLE reads (
	id INTEGER NOT NULL, 
	run_id INTEGER, 
	supplier VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME NOT NULL, 
	tries INTEGER NOT NULL, 
	outcome VARCHAR NOT NULL, 
	http_status INTEGER, 
	listed INTEGER NOT NULL, 
	added INTEGER NOT NULL, 
	sha256 VARCHAR, 
	detail VARCHAR, age_seconds INTEGER, ahead_seconds INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "reads" VALUES(1,1,'asir-group','get-sales?page=1&date_from=2026-11-09&date_to=2026-11-24','2026-11-23 06:00:01.005000','2026-11-23 06:00:01.505000',1,'listed',200,4,4,'c18996967683728c904f9d9ba6784e2951cb1790c0fe888b06bd8dab04d90453',NULL,NULL,NULL);
INSERT INTO "reads" VALUES(2,2,'notio','get-sales?page=1&date_from=2026-11-09&date_to=2026-11-24','2026-11-23 06:00:01.255000','2026-11-23 06:00:01.505000',1,'listed',200,8,7,'277fe40f90725181fd8a18d148397fea01ddecdc8aaa44d1159f6b9118506052',NULL,NULL,NULL);
INSERT INTO "reads" VALUES(3,1,'asir-group','get-sales?page=2&date_from=2026-11-09&date_to=2026-11-24','2026-11-23 06:00:06.030000','2026-11-23 06:00:06.530000',1,'listed',200,0,0,'4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945',NULL,NULL,NULL);
INSERT INTO "reads" VALUES(4,2,'notio','get-sales?page=2&date_from=2026-11-09&date_to=2026-11-24','2026-11-23 06:00:06.280000','2026-11-23 06:00:06.530000',1,'listed',200,0,0,'4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945',NULL,NULL,NULL);
CREATE TABLE rejected_entries (
	id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	received_at DATETIME NOT NULL, 
	last_listed_at DATETIME NOT NULL, 
	raw VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	sha256 VARCHAR NOT NULL, raw_bytes BLOB, 
	PRIMARY KEY (id), 
	UNIQUE (supplier, sha256)
);
INSERT INTO "rejected_entries" VALUES(1,'notio','2026-11-23 06:00:01.505000','2026-11-23 06:00:01.505000','{"sku": "no id", "quantity": 1}','menzzo_order_id is null, not of the form increment_product','3c9924d5daab022ccbe34dead42b57099baf884c0ccf5f09251da7e0f4e9a051',NULL);
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	purpose VARCHAR NOT NULL, 
	date_from DATE NOT NULL, 
	date_to DATE, 
	requested_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	pages INTEGER NOT NULL, 
	listed INTEGER NOT NULL, 
	added INTEGER NOT NULL, 
	proof VARCHAR, 
	detail VARCHAR, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES(1,'asir-group','sweep','2026-11-09','2026-11-24','2026-11-23 06:00:01.005000','2026-11-23 06:00:01.005000','2026-11-23 06:00:06.530000',2,4,4,'complete',NULL);
INSERT INTO "runs" VALUES(2,'notio','sweep','2026-11-09','2026-11-24','2026-11-23 06:00:01.255000','2026-11-23 06:00:01.255000','2026-11-23 06:00:06.530000',2,8,7,'complete',NULL);
INSERT INTO "runs" VALUES(3,'asir-group','resync','2026-10-14','2026-10-24','2026-11-23 06:18:20.250000',NULL,NULL,0,0,0,NULL,NULL);
CREATE TABLE sale_checks (
	order_id INTEGER NOT NULL, 
	status VARCHAR, 
	found INTEGER, 
	checked_at DATETIME, 
	failed_at DATETIME, 
	failure VARCHAR, 
	tracking VARCHAR, 
	carrier VARCHAR, 
	skipped_at DATETIME, 
	accepted_status VARCHAR, 
	accepted_by VARCHAR, 
	PRIMARY KEY (order_id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "sale_checks" VALUES(1,'processing',1,'2026-11-23 06:20:00.000000',NULL,NULL,'TR0000000001','GEODIS',NULL,NULL,NULL);
CREATE TABLE sav_requests (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	asked_at DATETIME NOT NULL, 
	asked_by VARCHAR NOT NULL, 
	body VARCHAR NOT NULL, 
	sav_id VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "sav_requests" VALUES(1,1,'2026-11-23 06:20:00.000000','Ana','{}',NULL);
CREATE TABLE shop_orders (
	order_id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	shop_id VARCHAR NOT NULL, 
	number VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	fulfilled INTEGER NOT NULL, 
	counted INTEGER NOT NULL, 
	seen_at DATETIME NOT NULL, 
	marked_at DATETIME, 
	refused VARCHAR, 
	undone_at DATETIME, 
	PRIMARY KEY (order_id), 
	FOREIGN KEY(order_id) REFERENCES orders (id)
);
INSERT INTO "shop_orders" VALUES(1,'notio','101','101','processing',0,0,'2026-11-23 06:20:00.000000',NULL,NULL,NULL);
CREATE TABLE shop_reads (
	supplier VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	connected_at DATETIME NOT NULL, 
	cursor DATETIME NOT NULL, 
	read_at DATETIME, 
	PRIMARY KEY (supplier)
);
INSERT INTO "shop_reads" VALUES('notio','https://shop.example','2026-11-23 06:20:00.000000','2026-11-23 06:20:00.000000','2026-11-23 06:20:00.000000');
CREATE TABLE submissions (
	"key" VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	answer VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "submissions" VALUES('k1','2026-11-23 06:00:00.000000','{}');
CREATE TABLE suppliers (
	name VARCHAR NOT NULL, 
	cursor VARCHAR, 
	cursor_refused VARCHAR, 
	cursor_distrusted_at DATETIME, 
	token_refused_at DATETIME, 
	quiet_until DATETIME, 
	last_success_at DATETIME, paused_at DATETIME, paused_by VARCHAR, paused_reason VARCHAR, resumed_at DATETIME, flags_asked_at DATETIME, flags_agreed_at DATETIME, token_mark VARCHAR, token_since DATETIME, token_key VARCHAR, 
	PRIMARY KEY (name)
);
INSERT INTO "suppliers" VALUES('asir-group','15000000004_4','x_1',NULL,NULL,'2026-11-23 09:00:00.000000','2026-11-23 06:00:06.530000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "suppliers" VALUES('notio','15000000011_11',NULL,NULL,NULL,NULL,'2026-11-23 06:00:06.530000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE webhook_baseline (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	last_order_id INTEGER NOT NULL, 
	is_complete INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "webhook_baseline" VALUES(1,'2026-11-23 06:20:00.000000',6,1);
CREATE TABLE webhook_endpoints (
	name VARCHAR NOT NULL, 
	since DATETIME NOT NULL, 
	delivered_at DATETIME, 
	lost INTEGER NOT NULL, 
	lost_at DATETIME, 
	PRIMARY KEY (name)
);
INSERT INTO "webhook_endpoints" VALUES('erp','2026-11-23 06:20:00.000000',NULL,0,NULL);
CREATE TABLE webhook_events (
	id INTEGER NOT NULL, 
	event_id VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	supplier VARCHAR NOT NULL, 
	order_id INTEGER, 
	type VARCHAR NOT NULL, 
	body VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id), 
	UNIQUE (event_id)
);
INSERT INTO "webhook_events" VALUES(1,'evt_1','2026-11-23 06:20:00.000000','notio',1,'order.ready','{}');
CREATE TABLE webhook_states (
	id INTEGER NOT NULL, 
	supplier VARCHAR NOT NULL, 
	order_id INTEGER, 
	stage VARCHAR NOT NULL, 
	problems VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(order_id) REFERENCES orders (id), 
	UNIQUE (order_id)
);
INSERT INTO "webhook_states" VALUES(1,'notio',1,'ready','');
CREATE INDEX orders_by_menzzo_order_id ON orders (menzzo_order_id);
CREATE INDEX orders_open ON orders (supplier) WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL;
CREATE INDEX orders_to_plan ON orders (supplier) WHERE planned_at IS NULL;
CREATE INDEX runs_by_supplier ON runs (supplier, purpose, id);
CREATE INDEX reads_by_url ON reads (supplier, url, started_at);
CREATE INDEX events_by_order ON events (order_id);
CREATE TRIGGER orders_flagged AFTER UPDATE OF shipped ON orders WHEN NEW.shipped = 1 AND OLD.shipped = 0
BEGIN
  UPDATE orders SET shipped_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000', planned_at = NULL WHERE id = NEW.id;
END;
CREATE TRIGGER orders_are_not_replaced BEFORE INSERT ON orders
WHEN EXISTS (SELECT 1 FROM orders WHERE id = NEW.id OR (supplier = NEW.supplier AND menzzo_order_id = NEW.menzzo_order_id))
BEGIN
  SELECT RAISE(ABORT, 'an order is never deleted, nor replaced by another row');
END;
CREATE TRIGGER orders_stay BEFORE DELETE ON orders
BEGIN
  SELECT RAISE(ABORT, 'an order is never deleted (to have it left alone: supplier-agent close ID --reason TEXT)');
END;
CREATE TRIGGER orders_flag_history AFTER UPDATE OF shipped ON orders WHEN NEW.shipped <> OLD.shipped
BEGIN
  INSERT INTO events (order_id, at, who, what)
  VALUES (NEW.id, strftime('%Y-%m-%d %H:%M:%f', 'now') || '000', 'database', CASE NEW.shipped WHEN 1 THEN 'flagged as shipped' ELSE 'flag taken back' END);
END;
CREATE INDEX reads_by_run ON reads (run_id);
CREATE INDEX reads_with_age ON reads (run_id, age_seconds) WHERE age_seconds IS NOT NULL;
CREATE INDEX orders_closed ON orders (supplier) WHERE ship_confirmed_at IS NULL AND closed_reason IS NOT NULL;
CREATE INDEX orders_listed ON orders (order_date, supplier, increment_id, id, shipped, carrier, ship_confirmed_at, closed_reason) WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL;
CREATE INDEX orders_by_increment_id ON orders (increment_id);
CREATE INDEX orders_by_sale_product_id ON orders (sale_product_id);
CREATE INDEX orders_by_sku ON orders (sku) WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL;
CREATE INDEX orders_by_shipped_at ON orders (shipped_at) WHERE shipped_at IS NOT NULL;
CREATE INDEX events_reported ON events (order_id) WHERE what IN ('problem reported', 'problem settled');
CREATE INDEX barcodes_by_code ON barcodes (code);
CREATE INDEX alerts_open ON alerts (cause, supplier) WHERE solved_at IS NULL;
CREATE INDEX orders_without_a_yes ON orders (supplier, ship_evidence) WHERE ship_confirmed_at IS NOT NULL AND coalesce(ship_evidence, '') <> 'confirmed';
CREATE TRIGGER orders_undo_too_late BEFORE UPDATE OF shipped ON orders WHEN NEW.shipped = 0 AND OLD.shipped = 1
BEGIN
  SELECT RAISE(ABORT, 'too late to undo: this order is reported as shipped')
   WHERE OLD.ship_confirmed_at IS NOT NULL;
  SELECT RAISE(ABORT, 'too late to undo: the ship call is being sent, or its outcome is unknown (see: supplier-agent order ID)')
   WHERE EXISTS (SELECT 1 FROM calls WHERE order_id = OLD.id AND kind = 'ship' AND state IN ('sending', 'unknown', 'done'));
END;
CREATE TRIGGER orders_flag_means_one BEFORE UPDATE OF shipped ON orders WHEN NEW.shipped = 1 AND OLD.shipped = 0
BEGIN
  SELECT RAISE(ABORT, 'two suppliers have an order of this id: say which (… AND supplier = ''NAME''), one statement for each')
   WHERE EXISTS (SELECT 1 FROM orders WHERE menzzo_order_id = NEW.menzzo_order_id AND supplier <> NEW.supplier
                    AND shipped = 1 AND shipped_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000');
END;
CREATE TRIGGER orders_keep_their_id BEFORE UPDATE ON orders  -- not OF id: that would let SET rowid pass
WHEN NEW.id IS NOT OLD.id OR NEW.supplier IS NOT OLD.supplier OR NEW.menzzo_order_id IS NOT OLD.menzzo_order_id
BEGIN
  SELECT RAISE(ABORT, 'an order keeps its id and its supplier, and is never deleted nor replaced by another row');
END;
CREATE TRIGGER reads_belong_to_their_supplier BEFORE INSERT ON reads
WHEN NEW.run_id IS NOT NULL AND (SELECT supplier FROM runs WHERE id = NEW.run_id) IS NOT NEW.supplier
BEGIN
  SELECT RAISE(ABORT, 'a read proves nothing for another supplier than its own');
END;
CREATE INDEX prints_by_order ON prints (order_id);
CREATE TRIGGER orders_flag_has_an_instant BEFORE UPDATE OF shipped_at ON orders
WHEN NEW.shipped_at IS NOT NULL AND (typeof(NEW.shipped_at) <> 'text' OR NEW.shipped_at NOT GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]'
  OR datetime(substr(NEW.shipped_at, 1, 19), '+0 days') IS NOT substr(NEW.shipped_at, 1, 19))
BEGIN
  SELECT RAISE(ABORT, 'shipped_at is recorded by the database itself: UPDATE orders SET shipped = 1 WHERE menzzo_order_id = …');
END;
CREATE TRIGGER orders_begin_with_an_instant BEFORE INSERT ON orders
WHEN NEW.shipped_at IS NOT NULL AND (typeof(NEW.shipped_at) <> 'text' OR NEW.shipped_at NOT GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]'
  OR datetime(substr(NEW.shipped_at, 1, 19), '+0 days') IS NOT substr(NEW.shipped_at, 1, 19))
BEGIN
  SELECT RAISE(ABORT, 'shipped_at is recorded by the database itself: UPDATE orders SET shipped = 1 WHERE menzzo_order_id = …');
END;
CREATE INDEX orders_by_day ON orders (order_date, supplier, first_seen_at);
CREATE UNIQUE INDEX parcels_scanned ON parcels (order_id, code) WHERE undone_at IS NULL;
CREATE INDEX orders_label_unread ON orders (label_sha256) WHERE label_sha256 IS NOT NULL AND (coalesce(label_read_sha256, '') <> label_sha256 OR label_pages IS NULL) AND ship_confirmed_at IS NULL AND closed_reason IS NULL;
CREATE INDEX loaded_by_load ON loaded (load_id);
CREATE UNIQUE INDEX loaded_once ON loaded (order_id) WHERE left_at IS NULL AND removed_at IS NULL;
CREATE INDEX label_facts_by_carrier ON label_facts (supplier, carrier, order_id, names_order, names_increment, names_part, names_carrier, fits_quantity);
CREATE INDEX label_facts_by_file ON label_facts (supplier, label_sha256);
CREATE INDEX orders_clocked ON orders (supplier, first_seen_at, held_reason, vanished_at, override_by, override_covers, shipped, ship_confirmed_at, closed_reason, acknowledged_at) WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL AND shipped = 0;
CREATE INDEX orders_set_aside ON orders (supplier, held_reason, vanished_at, fault, acknowledged_at, label_path, ship_confirmed_at, closed_reason) WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL AND (held_reason IS NOT NULL OR vanished_at IS NOT NULL OR fault IS NOT NULL OR acknowledged_at IS NULL OR label_path IS NULL);
CREATE INDEX orders_after_sales ON orders (supplier, after_sales_at) WHERE after_sales_at IS NOT NULL;
CREATE INDEX sale_checks_by_tracking ON sale_checks (tracking) WHERE tracking IS NOT NULL;
CREATE INDEX sav_requests_by_order ON sav_requests (order_id);
CREATE INDEX calls_owed ON calls (supplier, kind, due_at) WHERE state = 'owed';
CREATE INDEX calls_stuck ON calls (order_id) WHERE state IN ('sending', 'parked', 'unknown');
CREATE UNIQUE INDEX calls_of_events ON calls (kind, subject) WHERE order_id IS NULL;
CREATE INDEX webhook_events_of ON webhook_events (supplier, order_id, id);
CREATE UNIQUE INDEX webhook_states_of_suppliers ON webhook_states (supplier) WHERE order_id IS NULL;
CREATE INDEX webhook_states_open ON webhook_states (order_id) WHERE NOT (stage IN ('shipped', 'closed'));
CREATE INDEX webhook_states_with_problems ON webhook_states (order_id) WHERE problems <> '';
CREATE UNIQUE INDEX api_keys_valid ON api_keys (name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_sha256);
CREATE TRIGGER orders_undone AFTER UPDATE OF shipped ON orders WHEN NEW.shipped = 0 AND OLD.shipped = 1
BEGIN
  UPDATE calls SET state = 'dropped', due_at = NULL WHERE order_id = NEW.id AND kind = 'ship' AND state IN ('owed', 'parked');
  UPDATE parcels SET undone_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE order_id = NEW.id AND undone_at IS NULL;
  UPDATE loaded SET removed_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE order_id = NEW.id AND left_at IS NOT NULL AND removed_at IS NULL;
  UPDATE orders SET shipped_at = NULL, planned_at = NULL, undo_opened_at = NULL, override_by = NULL, override_covers = NULL,
   parcels_confirmed = NULL WHERE id = NEW.id;
END;
CREATE INDEX calls_unreadable ON calls (order_id) WHERE order_id IS NOT NULL AND (typeof(order_id) <> 'integer' OR order_id NOT BETWEEN -2147483647 AND 2147483647) OR supplier IS NOT NULL AND (typeof(supplier) <> 'text' OR supplier GLOB '*[-¿�]*' OR instr(supplier, char(0)) OR supplier = '') OR kind IS NOT NULL AND (typeof(kind) <> 'text' OR kind GLOB '*[-¿�]*' OR instr(kind, char(0))) OR subject IS NOT NULL AND (typeof(subject) <> 'text' OR subject GLOB '*[-¿�]*' OR instr(subject, char(0))) OR state IS NOT NULL AND (typeof(state) <> 'text' OR state GLOB '*[-¿�]*' OR instr(state, char(0))) OR CASE WHEN typeof(owed_at) = 'text' AND owed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(owed_at, 1, 19), '+0 days') IS substr(owed_at, 1, 19) AND substr(owed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE owed_at IS NOT NULL END OR CASE WHEN typeof(due_at) = 'text' AND due_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(due_at, 1, 19), '+0 days') IS substr(due_at, 1, 19) AND substr(due_at, 1, 4) BETWEEN '1900' AND '2999') ELSE due_at IS NOT NULL END OR attempts IS NOT NULL AND (typeof(attempts) <> 'integer' OR attempts NOT BETWEEN 0 AND 2147483647) OR strikes IS NOT NULL AND (typeof(strikes) <> 'integer' OR strikes NOT BETWEEN 0 AND 2147483647) OR detail IS NOT NULL AND (typeof(detail) <> 'text' OR detail GLOB '*[-¿�]*' OR instr(detail, char(0))) OR state NOT IN ('done', 'dropped') AND (supplier GLOB '*[^-]*' OR kind GLOB '*[^-]*' OR subject GLOB '*[^-]*' OR state GLOB '*[^-]*' OR detail GLOB '*[^-]*');
CREATE INDEX parcel_scans_asked ON parcel_scans (supplier, carrier, asked_at);
CREATE INDEX order_scans_missing ON order_scans (order_id) WHERE unscanned > 0 AND settled_at IS NULL;
CREATE INDEX orders_unreadable ON orders (id) WHERE fault IS NOT NULL OR supplier IS NOT NULL AND (typeof(supplier) <> 'text' OR supplier GLOB '*[-¿�]*' OR instr(supplier, char(0)) OR supplier = '') OR menzzo_order_id IS NOT NULL AND (typeof(menzzo_order_id) <> 'text' OR menzzo_order_id GLOB '*[-¿�]*' OR instr(menzzo_order_id, char(0)) OR menzzo_order_id = '') OR increment_id IS NOT NULL AND (typeof(increment_id) <> 'text' OR increment_id GLOB '*[-¿�]*' OR instr(increment_id, char(0)) OR increment_id = '') OR sale_product_id IS NOT NULL AND (typeof(sale_product_id) <> 'text' OR sale_product_id GLOB '*[-¿�]*' OR instr(sale_product_id, char(0)) OR sale_product_id = '') OR sku IS NOT NULL AND (typeof(sku) <> 'text' OR sku GLOB '*[-¿�]*' OR instr(sku, char(0)) OR sku = '') OR quantity IS NOT NULL AND (typeof(quantity) <> 'integer' OR quantity NOT BETWEEN 1 AND 2147483647) OR price_cents IS NOT NULL AND (typeof(price_cents) <> 'integer' OR price_cents NOT BETWEEN 0 AND 9007199254740992) OR carrier IS NOT NULL AND (typeof(carrier) <> 'text' OR carrier GLOB '*[-¿�]*' OR instr(carrier, char(0)) OR carrier = '') OR CASE WHEN typeof(order_date) = 'text' AND order_date GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' THEN NOT (date(order_date, '+0 days') IS order_date AND substr(order_date, 1, 4) BETWEEN '1900' AND '2999') ELSE order_date IS NOT NULL END OR link_to_label IS NOT NULL AND (typeof(link_to_label) <> 'text' OR link_to_label GLOB '*[-¿�]*' OR instr(link_to_label, char(0)) OR link_to_label = '') OR problem IS NOT NULL AND (typeof(problem) <> 'text' OR problem GLOB '*[-¿�]*' OR instr(problem, char(0)) OR problem = '') OR CASE WHEN typeof(first_seen_at) = 'text' AND first_seen_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(first_seen_at, 1, 19), '+0 days') IS substr(first_seen_at, 1, 19) AND substr(first_seen_at, 1, 4) BETWEEN '1900' AND '2999') ELSE first_seen_at IS NOT NULL END OR CASE WHEN typeof(acknowledged_at) = 'text' AND acknowledged_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(acknowledged_at, 1, 19), '+0 days') IS substr(acknowledged_at, 1, 19) AND substr(acknowledged_at, 1, 4) BETWEEN '1900' AND '2999') ELSE acknowledged_at IS NOT NULL END OR acknowledge_evidence IS NOT NULL AND (typeof(acknowledge_evidence) <> 'text' OR acknowledge_evidence GLOB '*[-¿�]*' OR instr(acknowledge_evidence, char(0))) OR label_link IS NOT NULL AND (typeof(label_link) <> 'text' OR label_link GLOB '*[-¿�]*' OR instr(label_link, char(0)) OR label_link = '') OR label_path IS NOT NULL AND (typeof(label_path) <> 'text' OR label_path GLOB '*[-¿�]*' OR instr(label_path, char(0)) OR label_path = '') OR label_sha256 IS NOT NULL AND (typeof(label_sha256) <> 'text' OR label_sha256 GLOB '*[-¿�]*' OR instr(label_sha256, char(0)) OR label_sha256 = '') OR label_bytes IS NOT NULL AND (typeof(label_bytes) <> 'integer' OR label_bytes NOT BETWEEN 0 AND 2147483647) OR label_read_sha256 IS NOT NULL AND (typeof(label_read_sha256) <> 'text' OR label_read_sha256 GLOB '*[-¿�]*' OR instr(label_read_sha256, char(0)) OR label_read_sha256 = '') OR label_pages IS NOT NULL AND (typeof(label_pages) <> 'integer' OR label_pages NOT BETWEEN 0 AND 2147483647) OR shipped IS NOT NULL AND (typeof(shipped) <> 'integer' OR shipped NOT BETWEEN -2147483647 AND 2147483647) OR CASE WHEN typeof(shipped_at) = 'text' AND shipped_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(shipped_at, 1, 19), '+0 days') IS substr(shipped_at, 1, 19) AND substr(shipped_at, 1, 4) BETWEEN '1900' AND '2999') ELSE shipped_at IS NOT NULL END OR CASE WHEN typeof(ship_confirmed_at) = 'text' AND ship_confirmed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(ship_confirmed_at, 1, 19), '+0 days') IS substr(ship_confirmed_at, 1, 19) AND substr(ship_confirmed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE ship_confirmed_at IS NOT NULL END OR ship_evidence IS NOT NULL AND (typeof(ship_evidence) <> 'text' OR ship_evidence GLOB '*[-¿�]*' OR instr(ship_evidence, char(0))) OR CASE WHEN typeof(undo_opened_at) = 'text' AND undo_opened_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(undo_opened_at, 1, 19), '+0 days') IS substr(undo_opened_at, 1, 19) AND substr(undo_opened_at, 1, 4) BETWEEN '1900' AND '2999') ELSE undo_opened_at IS NOT NULL END OR override_by IS NOT NULL AND (typeof(override_by) <> 'text' OR override_by GLOB '*[-¿�]*' OR instr(override_by, char(0)) OR override_by = '') OR override_covers IS NOT NULL AND (typeof(override_covers) <> 'text' OR override_covers GLOB '*[-¿�]*' OR instr(override_covers, char(0))) OR held_reason IS NOT NULL AND (typeof(held_reason) <> 'text' OR held_reason GLOB '*[-¿�]*' OR instr(held_reason, char(0)) OR held_reason = '') OR held_code IS NOT NULL AND (typeof(held_code) <> 'text' OR held_code GLOB '*[-¿�]*' OR instr(held_code, char(0))) OR closed_reason IS NOT NULL AND (typeof(closed_reason) <> 'text' OR closed_reason GLOB '*[-¿�]*' OR instr(closed_reason, char(0)) OR closed_reason = '') OR parcels_confirmed IS NOT NULL AND (typeof(parcels_confirmed) <> 'integer' OR parcels_confirmed NOT BETWEEN 1 AND 2147483647) OR CASE WHEN typeof(planned_at) = 'text' AND planned_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(planned_at, 1, 19), '+0 days') IS substr(planned_at, 1, 19) AND substr(planned_at, 1, 4) BETWEEN '1900' AND '2999') ELSE planned_at IS NOT NULL END OR CASE WHEN typeof(last_listed_at) = 'text' AND last_listed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(last_listed_at, 1, 19), '+0 days') IS substr(last_listed_at, 1, 19) AND substr(last_listed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE last_listed_at IS NOT NULL END OR CASE WHEN typeof(missed_at) = 'text' AND missed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(missed_at, 1, 19), '+0 days') IS substr(missed_at, 1, 19) AND substr(missed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE missed_at IS NOT NULL END OR CASE WHEN typeof(vanished_at) = 'text' AND vanished_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(vanished_at, 1, 19), '+0 days') IS substr(vanished_at, 1, 19) AND substr(vanished_at, 1, 4) BETWEEN '1900' AND '2999') ELSE vanished_at IS NOT NULL END OR fault IS NOT NULL AND (typeof(fault) <> 'text' OR fault GLOB '*[-¿�]*' OR instr(fault, char(0)) OR fault = '') OR CASE WHEN typeof(sale_asked_at) = 'text' AND sale_asked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(sale_asked_at, 1, 19), '+0 days') IS substr(sale_asked_at, 1, 19) AND substr(sale_asked_at, 1, 4) BETWEEN '1900' AND '2999') ELSE sale_asked_at IS NOT NULL END OR CASE WHEN typeof(after_sales_at) = 'text' AND after_sales_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(after_sales_at, 1, 19), '+0 days') IS substr(after_sales_at, 1, 19) AND substr(after_sales_at, 1, 4) BETWEEN '1900' AND '2999') ELSE after_sales_at IS NOT NULL END OR CASE WHEN typeof(sav_asked_at) = 'text' AND sav_asked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(sav_asked_at, 1, 19), '+0 days') IS substr(sav_asked_at, 1, 19) AND substr(sav_asked_at, 1, 4) BETWEEN '1900' AND '2999') ELSE sav_asked_at IS NOT NULL END OR CASE WHEN typeof(scan_asked_at) = 'text' AND scan_asked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(scan_asked_at, 1, 19), '+0 days') IS substr(scan_asked_at, 1, 19) AND substr(scan_asked_at, 1, 4) BETWEEN '1900' AND '2999') ELSE scan_asked_at IS NOT NULL END OR CASE WHEN typeof(scanned_at) = 'text' AND scanned_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(scanned_at, 1, 19), '+0 days') IS substr(scanned_at, 1, 19) AND substr(scanned_at, 1, 4) BETWEEN '1900' AND '2999') ELSE scanned_at IS NOT NULL END OR closed_reason GLOB '*[^-]*' OR ship_confirmed_at IS NULL AND closed_reason IS NULL AND (supplier GLOB '*[^-]*' OR menzzo_order_id GLOB '*[^-]*' OR increment_id GLOB '*[^-]*' OR sale_product_id GLOB '*[^-]*' OR sku GLOB '*[^-]*' OR carrier GLOB '*[^-]*' OR link_to_label GLOB '*[^-]*' OR problem GLOB '*[^-]*' OR acknowledge_evidence GLOB '*[^-]*' OR label_link GLOB '*[^-]*' OR label_path GLOB '*[^-]*' OR label_sha256 GLOB '*[^-]*' OR label_read_sha256 GLOB '*[^-]*' OR ship_evidence GLOB '*[^-]*' OR override_by GLOB '*[^-]*' OR override_covers GLOB '*[^-]*' OR held_reason GLOB '*[^-]*' OR held_code GLOB '*[^-]*' OR closed_reason GLOB '*[^-]*' OR fault GLOB '*[^-]*');
CREATE VIEW damaged_orders AS SELECT * FROM orders WHERE fault IS NOT NULL OR supplier IS NOT NULL AND (typeof(supplier) <> 'text' OR supplier GLOB '*[-¿�]*' OR instr(supplier, char(0)) OR supplier = '') OR menzzo_order_id IS NOT NULL AND (typeof(menzzo_order_id) <> 'text' OR menzzo_order_id GLOB '*[-¿�]*' OR instr(menzzo_order_id, char(0)) OR menzzo_order_id = '') OR increment_id IS NOT NULL AND (typeof(increment_id) <> 'text' OR increment_id GLOB '*[-¿�]*' OR instr(increment_id, char(0)) OR increment_id = '') OR sale_product_id IS NOT NULL AND (typeof(sale_product_id) <> 'text' OR sale_product_id GLOB '*[-¿�]*' OR instr(sale_product_id, char(0)) OR sale_product_id = '') OR sku IS NOT NULL AND (typeof(sku) <> 'text' OR sku GLOB '*[-¿�]*' OR instr(sku, char(0)) OR sku = '') OR quantity IS NOT NULL AND (typeof(quantity) <> 'integer' OR quantity NOT BETWEEN 1 AND 2147483647) OR price_cents IS NOT NULL AND (typeof(price_cents) <> 'integer' OR price_cents NOT BETWEEN 0 AND 9007199254740992) OR carrier IS NOT NULL AND (typeof(carrier) <> 'text' OR carrier GLOB '*[-¿�]*' OR instr(carrier, char(0)) OR carrier = '') OR CASE WHEN typeof(order_date) = 'text' AND order_date GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' THEN NOT (date(order_date, '+0 days') IS order_date AND substr(order_date, 1, 4) BETWEEN '1900' AND '2999') ELSE order_date IS NOT NULL END OR link_to_label IS NOT NULL AND (typeof(link_to_label) <> 'text' OR link_to_label GLOB '*[-¿�]*' OR instr(link_to_label, char(0)) OR link_to_label = '') OR problem IS NOT NULL AND (typeof(problem) <> 'text' OR problem GLOB '*[-¿�]*' OR instr(problem, char(0)) OR problem = '') OR CASE WHEN typeof(first_seen_at) = 'text' AND first_seen_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(first_seen_at, 1, 19), '+0 days') IS substr(first_seen_at, 1, 19) AND substr(first_seen_at, 1, 4) BETWEEN '1900' AND '2999') ELSE first_seen_at IS NOT NULL END OR CASE WHEN typeof(acknowledged_at) = 'text' AND acknowledged_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(acknowledged_at, 1, 19), '+0 days') IS substr(acknowledged_at, 1, 19) AND substr(acknowledged_at, 1, 4) BETWEEN '1900' AND '2999') ELSE acknowledged_at IS NOT NULL END OR acknowledge_evidence IS NOT NULL AND (typeof(acknowledge_evidence) <> 'text' OR acknowledge_evidence GLOB '*[-¿�]*' OR instr(acknowledge_evidence, char(0))) OR label_link IS NOT NULL AND (typeof(label_link) <> 'text' OR label_link GLOB '*[-¿�]*' OR instr(label_link, char(0)) OR label_link = '') OR label_path IS NOT NULL AND (typeof(label_path) <> 'text' OR label_path GLOB '*[-¿�]*' OR instr(label_path, char(0)) OR label_path = '') OR label_sha256 IS NOT NULL AND (typeof(label_sha256) <> 'text' OR label_sha256 GLOB '*[-¿�]*' OR instr(label_sha256, char(0)) OR label_sha256 = '') OR label_bytes IS NOT NULL AND (typeof(label_bytes) <> 'integer' OR label_bytes NOT BETWEEN 0 AND 2147483647) OR label_read_sha256 IS NOT NULL AND (typeof(label_read_sha256) <> 'text' OR label_read_sha256 GLOB '*[-¿�]*' OR instr(label_read_sha256, char(0)) OR label_read_sha256 = '') OR label_pages IS NOT NULL AND (typeof(label_pages) <> 'integer' OR label_pages NOT BETWEEN 0 AND 2147483647) OR shipped IS NOT NULL AND (typeof(shipped) <> 'integer' OR shipped NOT BETWEEN -2147483647 AND 2147483647) OR CASE WHEN typeof(shipped_at) = 'text' AND shipped_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(shipped_at, 1, 19), '+0 days') IS substr(shipped_at, 1, 19) AND substr(shipped_at, 1, 4) BETWEEN '1900' AND '2999') ELSE shipped_at IS NOT NULL END OR CASE WHEN typeof(ship_confirmed_at) = 'text' AND ship_confirmed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(ship_confirmed_at, 1, 19), '+0 days') IS substr(ship_confirmed_at, 1, 19) AND substr(ship_confirmed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE ship_confirmed_at IS NOT NULL END OR ship_evidence IS NOT NULL AND (typeof(ship_evidence) <> 'text' OR ship_evidence GLOB '*[-¿�]*' OR instr(ship_evidence, char(0))) OR CASE WHEN typeof(undo_opened_at) = 'text' AND undo_opened_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(undo_opened_at, 1, 19), '+0 days') IS substr(undo_opened_at, 1, 19) AND substr(undo_opened_at, 1, 4) BETWEEN '1900' AND '2999') ELSE undo_opened_at IS NOT NULL END OR override_by IS NOT NULL AND (typeof(override_by) <> 'text' OR override_by GLOB '*[-¿�]*' OR instr(override_by, char(0)) OR override_by = '') OR override_covers IS NOT NULL AND (typeof(override_covers) <> 'text' OR override_covers GLOB '*[-¿�]*' OR instr(override_covers, char(0))) OR held_reason IS NOT NULL AND (typeof(held_reason) <> 'text' OR held_reason GLOB '*[-¿�]*' OR instr(held_reason, char(0)) OR held_reason = '') OR held_code IS NOT NULL AND (typeof(held_code) <> 'text' OR held_code GLOB '*[-¿�]*' OR instr(held_code, char(0))) OR closed_reason IS NOT NULL AND (typeof(closed_reason) <> 'text' OR closed_reason GLOB '*[-¿�]*' OR instr(closed_reason, char(0)) OR closed_reason = '') OR parcels_confirmed IS NOT NULL AND (typeof(parcels_confirmed) <> 'integer' OR parcels_confirmed NOT BETWEEN 1 AND 2147483647) OR CASE WHEN typeof(planned_at) = 'text' AND planned_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(planned_at, 1, 19), '+0 days') IS substr(planned_at, 1, 19) AND substr(planned_at, 1, 4) BETWEEN '1900' AND '2999') ELSE planned_at IS NOT NULL END OR CASE WHEN typeof(last_listed_at) = 'text' AND last_listed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(last_listed_at, 1, 19), '+0 days') IS substr(last_listed_at, 1, 19) AND substr(last_listed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE last_listed_at IS NOT NULL END OR CASE WHEN typeof(missed_at) = 'text' AND missed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(missed_at, 1, 19), '+0 days') IS substr(missed_at, 1, 19) AND substr(missed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE missed_at IS NOT NULL END OR CASE WHEN typeof(vanished_at) = 'text' AND vanished_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(vanished_at, 1, 19), '+0 days') IS substr(vanished_at, 1, 19) AND substr(vanished_at, 1, 4) BETWEEN '1900' AND '2999') ELSE vanished_at IS NOT NULL END OR fault IS NOT NULL AND (typeof(fault) <> 'text' OR fault GLOB '*[-¿�]*' OR instr(fault, char(0)) OR fault = '') OR CASE WHEN typeof(sale_asked_at) = 'text' AND sale_asked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(sale_asked_at, 1, 19), '+0 days') IS substr(sale_asked_at, 1, 19) AND substr(sale_asked_at, 1, 4) BETWEEN '1900' AND '2999') ELSE sale_asked_at IS NOT NULL END OR CASE WHEN typeof(after_sales_at) = 'text' AND after_sales_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(after_sales_at, 1, 19), '+0 days') IS substr(after_sales_at, 1, 19) AND substr(after_sales_at, 1, 4) BETWEEN '1900' AND '2999') ELSE after_sales_at IS NOT NULL END OR CASE WHEN typeof(sav_asked_at) = 'text' AND sav_asked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(sav_asked_at, 1, 19), '+0 days') IS substr(sav_asked_at, 1, 19) AND substr(sav_asked_at, 1, 4) BETWEEN '1900' AND '2999') ELSE sav_asked_at IS NOT NULL END OR CASE WHEN typeof(scan_asked_at) = 'text' AND scan_asked_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(scan_asked_at, 1, 19), '+0 days') IS substr(scan_asked_at, 1, 19) AND substr(scan_asked_at, 1, 4) BETWEEN '1900' AND '2999') ELSE scan_asked_at IS NOT NULL END OR CASE WHEN typeof(scanned_at) = 'text' AND scanned_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(scanned_at, 1, 19), '+0 days') IS substr(scanned_at, 1, 19) AND substr(scanned_at, 1, 4) BETWEEN '1900' AND '2999') ELSE scanned_at IS NOT NULL END OR closed_reason GLOB '*[^-]*' OR ship_confirmed_at IS NULL AND closed_reason IS NULL AND (supplier GLOB '*[^-]*' OR menzzo_order_id GLOB '*[^-]*' OR increment_id GLOB '*[^-]*' OR sale_product_id GLOB '*[^-]*' OR sku GLOB '*[^-]*' OR carrier GLOB '*[^-]*' OR link_to_label GLOB '*[^-]*' OR problem GLOB '*[^-]*' OR acknowledge_evidence GLOB '*[^-]*' OR label_link GLOB '*[^-]*' OR label_path GLOB '*[^-]*' OR label_sha256 GLOB '*[^-]*' OR label_read_sha256 GLOB '*[^-]*' OR ship_evidence GLOB '*[^-]*' OR override_by GLOB '*[^-]*' OR override_covers GLOB '*[^-]*' OR held_reason GLOB '*[^-]*' OR held_code GLOB '*[^-]*' OR closed_reason GLOB '*[^-]*' OR fault GLOB '*[^-]*');
CREATE VIEW damaged_calls AS SELECT * FROM calls WHERE order_id IS NOT NULL AND (typeof(order_id) <> 'integer' OR order_id NOT BETWEEN -2147483647 AND 2147483647) OR supplier IS NOT NULL AND (typeof(supplier) <> 'text' OR supplier GLOB '*[-¿�]*' OR instr(supplier, char(0)) OR supplier = '') OR kind IS NOT NULL AND (typeof(kind) <> 'text' OR kind GLOB '*[-¿�]*' OR instr(kind, char(0))) OR subject IS NOT NULL AND (typeof(subject) <> 'text' OR subject GLOB '*[-¿�]*' OR instr(subject, char(0))) OR state IS NOT NULL AND (typeof(state) <> 'text' OR state GLOB '*[-¿�]*' OR instr(state, char(0))) OR CASE WHEN typeof(owed_at) = 'text' AND owed_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(owed_at, 1, 19), '+0 days') IS substr(owed_at, 1, 19) AND substr(owed_at, 1, 4) BETWEEN '1900' AND '2999') ELSE owed_at IS NOT NULL END OR CASE WHEN typeof(due_at) = 'text' AND due_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]' THEN NOT (datetime(substr(due_at, 1, 19), '+0 days') IS substr(due_at, 1, 19) AND substr(due_at, 1, 4) BETWEEN '1900' AND '2999') ELSE due_at IS NOT NULL END OR attempts IS NOT NULL AND (typeof(attempts) <> 'integer' OR attempts NOT BETWEEN 0 AND 2147483647) OR strikes IS NOT NULL AND (typeof(strikes) <> 'integer' OR strikes NOT BETWEEN 0 AND 2147483647) OR detail IS NOT NULL AND (typeof(detail) <> 'text' OR detail GLOB '*[-¿�]*' OR instr(detail, char(0))) OR state NOT IN ('done', 'dropped') AND (supplier GLOB '*[^-]*' OR kind GLOB '*[^-]*' OR subject GLOB '*[^-]*' OR state GLOB '*[^-]*' OR detail GLOB '*[^-]*');
COMMIT;
