-- What the column held is saved, and comes back with the column.
alter table request drop column state;
