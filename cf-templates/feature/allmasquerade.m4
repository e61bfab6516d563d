divert(-1)
define(`_ALL_MASQUERADE_', 1)
