DELETE FROM reviews WHERE NOT EXISTS (SELECT 1 FROM customers WHERE customers.id = reviews.customer_id);
