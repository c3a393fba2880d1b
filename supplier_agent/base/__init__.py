"""What every module may use: errors, clock, log, cells, files, how a process begins and ends. It imports none of them."""
