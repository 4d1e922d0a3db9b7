DROP VIEW product_ratings;
CREATE TABLE reviews_new (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products ON DELETE CASCADE,
    customer_id INTEGER,
    stars INTEGER NOT NULL,
    body TEXT
);
INSERT INTO reviews_new SELECT id, product_id, customer_id, stars, body FROM reviews;
DROP TABLE reviews;
ALTER TABLE reviews_new RENAME TO reviews;
CREATE VIEW product_ratings AS SELECT product_id, avg(stars) AS stars, count(*) AS reviews FROM reviews GROUP BY product_id;
