-- Forgets the CHECK and the index: undrop mends what was recorded.
alter table request_participants add column role text not null default 'viewer';
