alter table thing add column value varchar(40);
