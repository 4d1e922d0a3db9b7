create table thing (id integer primary key, value varchar(40));
insert into thing (id, value) values (1, 'it''s'), (2, 'Ünïcode'), (3, 'a "b"; --');
