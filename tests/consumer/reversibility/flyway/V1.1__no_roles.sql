ALTER TABLE "${table}" DROP COLUMN role;
