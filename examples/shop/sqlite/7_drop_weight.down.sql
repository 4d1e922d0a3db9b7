-- What is it to be in the rows that are there?
ALTER TABLE products ADD COLUMN weight integer NOT NULL;
