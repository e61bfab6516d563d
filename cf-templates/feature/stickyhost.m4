divert(-1)
define(`_STICKY_', 1)
