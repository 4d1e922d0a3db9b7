drop index request_participants_role_idx;
alter table request_participants drop column role;
