-- No down script: the way back is derived from what the database recorded.
alter table note drop column mood;
