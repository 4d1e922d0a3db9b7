CREATE INDEX a_i ON a (i);
