-- +goose Up
CREATE TABLE members (id INTEGER PRIMARY KEY, role TEXT);
-- +goose Down
DROP TABLE members;
