PRAGMA foreign_keys = OFF;
DROP VIEW customer_totals;
CREATE TABLE customers_new (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    country TEXT NOT NULL DEFAULT 'DE',
    since TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT
);
INSERT INTO customers_new (id, email, country, since, first_name, last_name)
SELECT id, email, country, since, first_name, last_name FROM customers;
DROP TABLE customers;
ALTER TABLE customers_new RENAME TO customers;
CREATE VIEW customer_totals AS
SELECT c.id, c.email, count(o.id) AS orders, coalesce(sum(o.total), 0) AS spent FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id GROUP BY c.id;
PRAGMA foreign_keys = ON;
