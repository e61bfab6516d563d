divert(-1)
define(`_virtuser_entire_', 1)
