divert(-1)
define(`_ACCEPT_UNQUALIFIED_', 1)
