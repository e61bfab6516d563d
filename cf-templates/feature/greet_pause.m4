divert(-1)
dnl greet_pause: let a client wait before the greeting; who cannot wait is no
dnl mail server.
define(`_greet_default_', ifelse(defn(`_ARG_'), `', `0', `_ARG_'))
define(`_GREET_', 1)
