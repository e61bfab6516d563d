divert(-1)
define(`_LIMITED_', 1)
