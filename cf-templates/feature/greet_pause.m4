divert(-1)
dnl greet_pause: let a client wait before the greeting; who cannot wait is no
dnl mail server.
ifdef(`_ACCESS_', `define(`_greet_access_', 1)', `ifelse(defn(`_ARG_'), `', `_fault_(`FEATURE(`greet_pause') requires FEATURE(`access_db')')', `define(`_greet_early_', 1)')')
define(`_greet_default_', _ARG_)
define(`_GREET_', 1)
