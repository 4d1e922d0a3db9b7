drop table request_participants;
