divert(-1)
_default_(`confEBINDIR', `/usr/libexec')
define(`LOCAL_SHELL_PATH', ifelse(defn(`_ARG_'), `', `confEBINDIR`/smrsh'', `defn(`_ARG_')'))
_default_(`LOCAL_SHELL_ARGS', `smrsh -c $u')
