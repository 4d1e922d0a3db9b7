ALTER TABLE addresses ALTER COLUMN door TYPE integer USING door::integer;
