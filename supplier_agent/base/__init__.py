"""What every module may use: errors, clock, log, cells, files, the start and end of a process. Imports no other package."""
