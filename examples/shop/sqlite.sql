-- The shop on SQLite: twelve tables, 50,000 rows, the same ones each time. sqlite3 shop.db < sqlite.sql, then: undrop --db sqlite:shop.db --dir sqlite rehearse --data full
PRAGMA foreign_keys = ON;
BEGIN;

-- Some customers have one name only.
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    phone TEXT,
    country TEXT NOT NULL DEFAULT 'DE',
    since TEXT NOT NULL
);
CREATE INDEX customers_phone ON customers (phone);
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE,
    street TEXT NOT NULL,
    door TEXT NOT NULL,
    city TEXT NOT NULL
);
CREATE INDEX addresses_customer ON addresses (customer_id);
CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES categories,
    name TEXT NOT NULL
);
CREATE TABLE suppliers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    phone TEXT
);
CREATE TABLE manufacturers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    country TEXT NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    category_id INTEGER NOT NULL REFERENCES categories,
    name TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price >= 0),
    weight INTEGER NOT NULL,
    stock INTEGER NOT NULL DEFAULT 0,
    updated_at TEXT NOT NULL DEFAULT '2026-01-01 00:00:00'
);
CREATE INDEX products_category ON products (category_id);
CREATE TABLE product_tags (
    product_id INTEGER NOT NULL REFERENCES products ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (product_id, tag)
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE,
    status TEXT NOT NULL,
    placed_on TEXT NOT NULL,
    total INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders ON DELETE CASCADE,
    line INTEGER NOT NULL,
    product_id INTEGER NOT NULL REFERENCES products,
    quantity INTEGER NOT NULL,
    price INTEGER NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE INDEX order_lines_product ON order_lines (product_id);
CREATE TABLE payments (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders ON DELETE CASCADE,
    paid_on TEXT NOT NULL,
    amount INTEGER NOT NULL
);
CREATE INDEX payments_order ON payments (order_id);
-- Reviews came from another program: their customers were never checked, and some are gone.
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products ON DELETE CASCADE,
    customer_id INTEGER,
    stars INTEGER NOT NULL,
    body TEXT
);
CREATE TABLE page_log (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    page TEXT NOT NULL
);

CREATE TEMP TABLE n AS WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000) SELECT i FROM c;
CREATE TEMP TABLE names AS SELECT column1 AS k, column2 AS first, column3 AS last FROM (VALUES
    (0, 'Ada', 'Lovelace'), (1, 'Grace', 'Hopper'), (2, 'Zoë', 'Ångström'), (3, 'Alan', 'Turing'), (4, 'Edsger', 'Dijkstra'),
    (5, 'Conor', 'O''Brien'), (6, 'Barbara', 'Liskov'), (7, 'Niklaus', 'Wirth'), (8, 'Katherine', 'Johnson'), (9, 'Jürgen', 'Müller'));

INSERT INTO customers
SELECT i,
       CASE WHEN i % 97 = 0 THEN 'Cher'
            WHEN i % 89 = 0 THEN 'Ludwig van Beethoven'
            ELSE f.first || ' ' || l.last END,
       'customer' || i || '@example.org',
       CASE WHEN i % 7 <> 0 THEN '+49 30 ' || (100000 + i * 37) END,
       CASE i % 4 WHEN 0 THEN 'AT' WHEN 1 THEN 'CH' ELSE 'DE' END,
       date('2020-01-01', '+' || (i % 2000) || ' days')
FROM n JOIN names AS f ON f.k = i % 10 JOIN names AS l ON l.k = i / 10 % 10 WHERE i <= 2000;
INSERT INTO addresses
SELECT i, 1 + i % 2000, 'Street ' || (i % 113), CASE WHEN i % 50 = 0 THEN printf('%03d', i / 50 % 10) ELSE CAST(i % 200 AS TEXT) END, 'City ' || (i % 31)
FROM n WHERE i <= 3000;
INSERT INTO categories SELECT i, CASE WHEN i > 8 THEN 1 + i % 8 END, 'Category ' || i FROM n WHERE i <= 40;
INSERT INTO suppliers SELECT i, 'Supplier ' || i, CASE WHEN i % 3 <> 0 THEN '+43 1 ' || (5000 + i) END FROM n WHERE i <= 60;
INSERT INTO manufacturers SELECT i, 'Manufacturer ' || i, CASE i % 3 WHEN 0 THEN 'FR' ELSE 'IT' END FROM n WHERE i <= 40;
INSERT INTO products (id, category_id, name, price, weight, stock)
SELECT i, 1 + i % 40, 'Product ' || i, 100 + i * 7 % 9000, 10 + i * 13 % 2500, i % 60 FROM n WHERE i <= 1000;
INSERT INTO product_tags SELECT 1 + i % 1000, CASE i / 1000 WHEN 0 THEN 'new' WHEN 1 THEN 'sale' ELSE 'eco' END FROM n WHERE i <= 2500;
INSERT INTO orders
SELECT i, 1 + i * 3 % 2000, CASE i % 5 WHEN 0 THEN 'open' WHEN 1 THEN 'paid' WHEN 2 THEN 'shipped' WHEN 3 THEN 'shipped' ELSE 'cancelled' END,
       date('2024-01-01', '+' || (i % 700) || ' days'), 0
FROM n WHERE i <= 8000;
INSERT INTO order_lines
SELECT 1 + i % 8000, 1 + i / 8000, 1 + i * 11 % 1000, 1 + i % 4, 100 + (1 + i * 11 % 1000) * 7 % 9000 FROM n WHERE i <= 20000;
UPDATE orders SET total = (SELECT coalesce(sum(quantity * price), 0) FROM order_lines WHERE order_id = orders.id);
INSERT INTO payments SELECT i, i, date('2024-01-02', '+' || (i % 700) || ' days'), 100 + i * 17 % 20000 FROM n WHERE i <= 7500;
INSERT INTO reviews
SELECT i, 1 + i % 1000, CASE WHEN i % 60 = 0 THEN 900000 + i ELSE 1 + i % 2000 END, 1 + i % 5, CASE WHEN i % 9 <> 0 THEN 'Review ' || i END
FROM n WHERE i <= 3000;
INSERT INTO page_log SELECT i, datetime('2026-01-01', '+' || (i * 41) || ' seconds'), '/product/' || (1 + i % 1000) FROM n WHERE i <= 2860;
DROP TABLE n;
DROP TABLE names;

CREATE VIEW customer_totals AS
SELECT c.id, c.email, count(o.id) AS orders, coalesce(sum(o.total), 0) AS spent FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id GROUP BY c.id;
CREATE VIEW product_ratings AS SELECT product_id, avg(stars) AS stars, count(*) AS reviews FROM reviews GROUP BY product_id;
CREATE TRIGGER products_touched AFTER UPDATE OF name, price ON products BEGIN
    UPDATE products SET updated_at = datetime('now') WHERE id = new.id;
END;
CREATE TRIGGER order_lines_sold AFTER INSERT ON order_lines BEGIN
    UPDATE products SET stock = stock - new.quantity WHERE id = new.product_id;
    UPDATE orders SET total = total + new.quantity * new.price WHERE id = new.order_id;
END;
COMMIT;
