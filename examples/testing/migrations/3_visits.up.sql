CREATE TABLE visits (member INTEGER NOT NULL REFERENCES members (id), page TEXT);
CREATE INDEX visits_by_member ON visits (member);
