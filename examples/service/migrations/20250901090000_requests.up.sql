create table request (
    id    integer primary key,
    title varchar(200) not null,
    state varchar(20) not null default 'open'
);

create table request_participant (
    id         integer primary key,
    request_id integer not null references request (id),
    user_name  varchar(100) not null,
    role       varchar(20) not null default 'viewer' check (role in ('viewer', 'contributor', 'manager'))
);
