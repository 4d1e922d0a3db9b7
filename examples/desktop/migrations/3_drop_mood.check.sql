-- Runs with the migration, which is taken back unless each statement returns no row, or one that is true.
select count(*) = 0 from pragma_table_info('note') where name = 'mood';
