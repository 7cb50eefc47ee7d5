-- Every kind of relationship, every type, and names that need care.
CREATE TABLE categories (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, parent_id INTEGER REFERENCES categories (id)
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, price NUMERIC, active BOOLEAN NOT NULL DEFAULT 1,
    category_id INTEGER REFERENCES categories (id), data JSON, sku TEXT UNIQUE,
    shout TEXT GENERATED ALWAYS AS (upper(name)) VIRTUAL
);
CREATE TABLE details (product_id INTEGER PRIMARY KEY REFERENCES products (id), weight REAL, extra JSON, fragile BOOLEAN);
CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE product_labels (
    product_id INTEGER NOT NULL REFERENCES products (id), label_id INTEGER NOT NULL REFERENCES labels (id),
    PRIMARY KEY (product_id, label_id)
);
CREATE TABLE addresses (id INTEGER PRIMARY KEY, city TEXT NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer TEXT NOT NULL, placed_at TIMESTAMP NOT NULL DEFAULT '2026-01-01T00:00:00Z',
    billing_id INTEGER REFERENCES addresses (id), shipping_id INTEGER REFERENCES addresses (id)
);
CREATE TABLE lines (
    order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE, line INTEGER NOT NULL,
    product_id INTEGER REFERENCES products (id), quantity INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
    PRIMARY KEY (order_id, line)
);
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY, order_id INTEGER, line INTEGER, carrier TEXT,
    FOREIGN KEY (order_id, line) REFERENCES lines (order_id, line)
);
CREATE VIEW cheap AS SELECT id, name, price, category_id FROM products WHERE price < 10;
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY, flag BOOLEAN, whole INTEGER, fraction REAL, amount NUMERIC, words TEXT, bytes BLOB, doc JSON,
    uid UUID, day DATE, hour TIME, moment TIMESTAMP, loose
);
CREATE TABLE notes (title TEXT COLLATE NOCASE PRIMARY KEY, owner TEXT NOT NULL, stars INTEGER, tags JSON);
CREATE TABLE "odd ""name"" é" (
    "select" INTEGER PRIMARY KEY, "a b" TEXT, "quo""te" TEXT, "ünïcode" TEXT, "order" INTEGER, "semi;--" TEXT, "it's" TEXT,
    "t0" TEXT, "group" INTEGER REFERENCES "odd ""name"" é" ("select")
);
CREATE TABLE plain (a INTEGER, b TEXT);
CREATE VIRTUAL TABLE products_search USING fts5 (name, content='products', content_rowid='id');
CREATE TRIGGER products_added AFTER INSERT ON products
BEGIN INSERT INTO products_search (rowid, name) VALUES (new.id, new.name); END;

INSERT INTO categories VALUES (1, 'Tools', NULL), (2, 'Hand tools', 1), (3, 'Toys', NULL);
INSERT INTO products (id, name, price, active, category_id, data, sku) VALUES
    (1, 'Hammer', 12.5, 1, 2, '{"a":10,"tags":["x","y"],"deep":{"b":[1,{"c":"z"}]},"ok":true,"none":null}', 'H-1'),
    (2, 'Saw', 9, 1, 2, '{"a":9,"tags":["y"],"ok":false}', 'S-2'),
    (3, 'Doll "x"', 3, 0, 3, '{"a":"10"}', NULL),
    (4, 'Äpfel', NULL, 1, NULL, NULL, NULL),
    (5, 'Drill', 99.99, 1, 1, '[1,2]', 'D-5');
INSERT INTO details VALUES (1, 1.25, '{"box":[1,2]}', 0), (2, NULL, NULL, 1), (3, 0.5, 'true', NULL);
INSERT INTO labels VALUES (1, 'steel'), (2, 'heavy'), (3, 'soft');
INSERT INTO product_labels VALUES (1, 1), (1, 2), (2, 1), (3, 3);
INSERT INTO addresses VALUES (1, 'Oslo'), (2, 'Rome');
INSERT INTO orders (id, customer, billing_id, shipping_id) VALUES (1, 'ada', 1, 2), (2, 'bob', 1, 1), (3, 'cyd', NULL, NULL);
INSERT INTO lines VALUES (1, 1, 1, 2), (1, 2, 2, 5), (2, 1, 1, 1);
INSERT INTO deliveries VALUES (1, 1, 2, 'ship'), (2, 1, 1, 'rail'), (3, NULL, NULL, 'lost');
INSERT INTO kinds VALUES
    (1, 1, -7, 1.5, 12.50, 'text', x'00ff', '{"k":1}', '0b0e8400-e29b-41d4-a716-446655440000', '2026-02-03', '04:05:06', '2026-02-03T04:05:06Z', 'x'),
    (2, 0, 9223372036854775807, -0.25, 3, '', x'', '"s"', NULL, NULL, NULL, NULL, 5),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO notes VALUES ('Alpha', 'ada', 3, '["p"]'), ('beta', 'bob', NULL, NULL), ('Gamma', 'ADA', 10, '["p","q"]');
INSERT INTO "odd ""name"" é" VALUES (1, 'one', 'q', 'ü', 10, 's', 'i', 't', NULL), (2, NULL, NULL, NULL, 20, NULL, NULL, NULL, 1);
