divert(-1)
ifelse(defn(`_ARG_'), `reject', `define(`_NO_UUCP_', `reject')', defn(`_ARG_'), `nospecial', `define(`_NO_UUCP_', `nospecial')', `_fault_(`illegal argument '_ARG_` for FEATURE(nouucp)')')
