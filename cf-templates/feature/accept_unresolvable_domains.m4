divert(-1)
define(`_ACCEPT_UNRESOLVABLE_', 1)
define(`_no_resolve_', 1)
