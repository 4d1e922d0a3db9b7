-- 7 is not '007'.
CREATE TABLE addresses_new (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE,
    street TEXT NOT NULL,
    door TEXT NOT NULL,
    city TEXT NOT NULL
);
INSERT INTO addresses_new SELECT id, customer_id, street, CAST(door AS TEXT), city FROM addresses;
DROP TABLE addresses;
ALTER TABLE addresses_new RENAME TO addresses;
CREATE INDEX addresses_customer ON addresses (customer_id);
