-- 7 is not '007'.
ALTER TABLE addresses ALTER COLUMN door TYPE text USING door::text;
