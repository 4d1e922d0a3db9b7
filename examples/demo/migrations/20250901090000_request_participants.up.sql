create table request_participants (
    id         integer primary key,
    request_id integer not null,
    user_name  text not null,
    role       text not null default 'viewer' check (role in ('viewer', 'contributor', 'manager'))
);
create index request_participants_role_idx on request_participants (role);

insert into request_participants (id, request_id, user_name, role) values
    (1, 10, 'ada', 'manager'),
    (2, 10, 'grace', 'contributor'),
    (3, 11, 'emmy', 'viewer'),
    (4, 11, 'lise', 'manager'),
    (5, 12, 'rosa', 'contributor');
