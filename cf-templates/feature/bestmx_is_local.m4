divert(-1)
_kmap_(`bestmx', `bestmx')
define(`_BESTMX_', 1)
ifelse(defn(`_ARG_'), `', `', `define(`_bestmx_class_', 1)_into_(101)CB`'_ARG_
_back_()')
