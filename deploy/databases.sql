-- Run once, when the cluster is made: a database for each service, so that each has its own backup.
CREATE DATABASE indexer;
CREATE DATABASE market;
CREATE DATABASE results;
CREATE DATABASE scheduler;
CREATE DATABASE secrets;
