divert(-1)
define(`_NO_CANONIFY_', 1)
ifelse(defn(`_ARG_'), `canonify_hosts', `define(`_CANONIFY_HOSTS_', 1)')
