-- The shop: what is sold, to whom, and what was ordered.
-- Money is whole cents: sums stay exact on every engine. Times are UTC, ISO 8601.

CREATE TABLE categories (
  id        INTEGER PRIMARY KEY,
  parent_id INTEGER REFERENCES categories (id) ON DELETE SET NULL,
  name      TEXT NOT NULL UNIQUE CHECK (name <> ''),
  position  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX categories_parent ON categories (parent_id);

CREATE TABLE products (
  id          INTEGER PRIMARY KEY,
  sku         UUID NOT NULL UNIQUE DEFAULT (uuid()),
  category_id INTEGER NOT NULL REFERENCES categories (id),
  name        TEXT NOT NULL CHECK (name <> ''),
  description TEXT NOT NULL DEFAULT '',
  price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
  weight_kg   NUMERIC(8, 3) CHECK (weight_kg > 0),
  attributes  JSON NOT NULL DEFAULT '{}' CHECK (json_valid(attributes)),
  image       BLOB,
  active      BOOLEAN NOT NULL DEFAULT TRUE,
  released_on DATE,
  created_at  TIMESTAMP NOT NULL DEFAULT (now())
);
CREATE INDEX products_category ON products (category_id, price_cents);
CREATE INDEX products_price ON products (price_cents);
CREATE INDEX products_created ON products (created_at);

CREATE TABLE tags (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> '')
);

CREATE TABLE product_tags (
  product_id INTEGER NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  tag_id     INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (product_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX product_tags_tag ON product_tags (tag_id, product_id);

-- One row per product at most: the key is the foreign key.
CREATE TABLE stock (
  product_id INTEGER PRIMARY KEY REFERENCES products (id) ON DELETE CASCADE,
  quantity   INTEGER NOT NULL DEFAULT 0 CHECK (quantity >= 0),
  shelf      TEXT,
  counted_on DATE
);

-- user_id is the `sub` of the customer's token, which policies see as auth.uid().
CREATE TABLE customers (
  id         INTEGER PRIMARY KEY,
  user_id    TEXT NOT NULL UNIQUE,
  email      TEXT NOT NULL UNIQUE CHECK (email LIKE '%_@_%'),
  name       TEXT NOT NULL,
  address    JSON CHECK (address IS NULL OR json_valid(address)),
  born_on    DATE,
  created_at TIMESTAMP NOT NULL DEFAULT (now())
);

CREATE TABLE orders (
  id            INTEGER PRIMARY KEY,
  customer_id   INTEGER NOT NULL REFERENCES customers (id),
  status        TEXT NOT NULL DEFAULT 'pending'
                CHECK (status IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled')),
  note          TEXT,
  deliver_after TIME,
  placed_at     TIMESTAMP NOT NULL DEFAULT (now())
);
CREATE INDEX orders_customer ON orders (customer_id, placed_at);
CREATE INDEX orders_placed ON orders (placed_at);
CREATE INDEX orders_status ON orders (status, placed_at);

CREATE TABLE order_lines (
  order_id         INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  line_no          INTEGER NOT NULL CHECK (line_no > 0),
  product_id       INTEGER NOT NULL REFERENCES products (id),
  quantity         INTEGER NOT NULL CHECK (quantity > 0),
  unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
  total_cents      INTEGER GENERATED ALWAYS AS (quantity * unit_price_cents) VIRTUAL,
  PRIMARY KEY (order_id, line_no)
);
CREATE INDEX order_lines_product ON order_lines (product_id);

CREATE TABLE reviews (
  id          INTEGER PRIMARY KEY,
  product_id  INTEGER NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  rating      INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
  title       TEXT NOT NULL DEFAULT '',
  body        TEXT,
  created_at  TIMESTAMP NOT NULL DEFAULT (now()),
  UNIQUE (product_id, customer_id)
);
CREATE INDEX reviews_customer ON reviews (customer_id);

CREATE VIEW product_ratings AS
SELECT product_id, count(*) AS review_count, avg(rating) AS average_rating
FROM reviews
GROUP BY product_id;

CREATE VIEW order_totals AS
SELECT o.id AS order_id, o.customer_id, o.status, count(l.line_no) AS line_count,
       coalesce(sum(l.quantity * l.unit_price_cents), 0) AS total_cents
FROM orders o
LEFT JOIN order_lines l ON l.order_id = o.id
GROUP BY o.id;
