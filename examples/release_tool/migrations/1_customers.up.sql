create table customer (
    id    integer primary key,
    name  varchar(100) not null,
    phone varchar(40)
);
insert into customer (id, name, phone) values (1, 'Ada', '+44 1'), (2, 'Grace', '+1 2'), (3, 'Emmy', null);
