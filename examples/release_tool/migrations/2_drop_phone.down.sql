alter table customer add column phone varchar(40);
