-- undrop: lose page_log
DROP TABLE page_log;
