DROP INDEX customers_phone;
ALTER TABLE customers DROP COLUMN phone;
