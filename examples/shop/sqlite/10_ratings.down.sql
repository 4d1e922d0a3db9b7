DROP TRIGGER order_lines_sold;
