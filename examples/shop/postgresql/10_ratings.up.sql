CREATE OR REPLACE VIEW product_ratings AS
SELECT product_id, avg(stars) AS stars, count(*) AS reviews, min(stars) AS worst FROM reviews GROUP BY product_id;
CREATE OR REPLACE FUNCTION order_total(of_order bigint) RETURNS bigint LANGUAGE sql STABLE AS
$$SELECT coalesce(sum(quantity * price), 0)::bigint FROM order_lines WHERE order_id = of_order AND quantity > 0$$;
