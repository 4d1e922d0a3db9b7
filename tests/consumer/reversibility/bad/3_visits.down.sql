DROP TABLE visits;
INSERT INTO members (id, email) VALUES (7, 'nobody@example.org');
