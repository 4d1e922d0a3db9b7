drop table request_participant;
drop table request;
