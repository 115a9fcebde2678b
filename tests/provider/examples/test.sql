drop table if exists default.my_table;
create table default.my_table(id int, v string);
