-- +goose Up
INSERT INTO members VALUES (1, 'a');
-- +goose Down
DELETE FROM nothing;
