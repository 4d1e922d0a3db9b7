CREATE TABLE members (id INTEGER PRIMARY KEY, email TEXT NOT NULL, role TEXT);
INSERT INTO members VALUES (1, 'ann@example.org', 'manager'), (2, 'ben@example.org', NULL);
