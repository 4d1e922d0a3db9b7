CREATE TABLE partners (
    id INTEGER PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL,
    phone text,
    country text
);
INSERT INTO partners (kind, name, phone) SELECT 'supplier', name, phone FROM suppliers ORDER BY id;
INSERT INTO partners (kind, name, country) SELECT 'manufacturer', name, country FROM manufacturers ORDER BY id;
DROP TABLE suppliers;
DROP TABLE manufacturers;
