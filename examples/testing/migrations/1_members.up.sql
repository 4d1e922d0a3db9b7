CREATE TABLE members (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, role TEXT NOT NULL DEFAULT 'viewer');
INSERT INTO members (id, email, role) VALUES (1, 'ann@example.org', 'manager'), (2, 'ben@example.org', 'viewer');
