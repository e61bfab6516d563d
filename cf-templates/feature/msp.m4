divert(-1)
dnl msp: the submission program: takes mail of users, gives it to the daemon.
define(`_msp_host_', ifelse(defn(`_ARG_'), `', ``[localhost]'', ``_ARG_''))
_into_(101)D{MTAHost}_ARG_
_back_()
