DROP VIEW product_ratings;
CREATE VIEW product_ratings AS
SELECT product_id, avg(stars) AS stars, count(*) AS reviews, min(stars) AS worst FROM reviews GROUP BY product_id;
DROP TRIGGER order_lines_sold;
CREATE TRIGGER order_lines_sold AFTER INSERT ON order_lines WHEN new.quantity > 0 BEGIN
    UPDATE products SET stock = stock - new.quantity WHERE id = new.product_id;
    UPDATE orders SET total = total + new.quantity * new.price WHERE id = new.order_id;
END;
