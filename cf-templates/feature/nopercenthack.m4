divert(-1)
ifelse(defn(`_ARG_'), `', `define(`_NO_PERCENT_', `nospecial')_fault_(`missing argument for FEATURE(nopercenthack):
		use `reject' or `nospecial'. See cf/README.')', defn(`_ARG_'), `reject', `define(`_NO_PERCENT_', `reject')', defn(`_ARG_'), `nospecial', `define(`_NO_PERCENT_', `nospecial')', `_fault_(`illegal argument '_ARG_` for FEATURE(nopercenthack)')')
