divert(-1)
define(`_always_add_', 1)
define(`_always_domain_', defn(`_ARG_'))
