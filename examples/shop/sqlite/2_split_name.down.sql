-- NULL for who has one name only.
ALTER TABLE customers ADD COLUMN name TEXT;
UPDATE customers SET name = first_name || ' ' || last_name;
ALTER TABLE customers DROP COLUMN first_name;
ALTER TABLE customers DROP COLUMN last_name;
