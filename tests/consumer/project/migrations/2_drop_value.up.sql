alter table thing drop column value;
