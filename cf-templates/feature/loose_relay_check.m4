divert(-1)
define(`_LOOSE_RELAY_', 1)
