CREATE TABLE visits (member INTEGER);
