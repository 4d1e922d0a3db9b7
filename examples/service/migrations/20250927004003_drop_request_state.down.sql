alter table request add column state varchar(20) not null default 'open';
