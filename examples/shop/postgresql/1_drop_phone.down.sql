-- Its index is forgotten.
ALTER TABLE customers ADD COLUMN phone text;
