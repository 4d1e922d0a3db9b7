-- In the wrong order: the column needs the type.
DROP TYPE order_status;
ALTER TABLE orders ALTER COLUMN status TYPE text USING status::text;
