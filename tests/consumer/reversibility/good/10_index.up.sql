CREATE INDEX members_by_email ON members (email);
