ALTER TABLE payments RENAME TO payments_old;
CREATE TABLE payments (
    id bigint NOT NULL,
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    paid_on date NOT NULL,
    amount integer NOT NULL,
    CONSTRAINT payments_key PRIMARY KEY (id, paid_on)
) PARTITION BY RANGE (paid_on);
CREATE TABLE payments_2024 PARTITION OF payments FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE payments_later PARTITION OF payments DEFAULT;
INSERT INTO payments SELECT id, order_id, paid_on, amount FROM payments_old;
DROP TABLE payments_old;
CREATE INDEX payments_order ON payments (order_id);
