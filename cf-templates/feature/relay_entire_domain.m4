divert(-1)
define(`_RELAY_ENTIRE_', 1)
