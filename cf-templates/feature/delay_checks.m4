divert(-1)
dnl delay_checks: judge client and sender when the recipient is known.
define(`_DELAY_CHECKS_', 1)
ifelse(defn(`_ARG_'), `', `', defn(`_ARG_'), `friend', `define(`_SPAM_FRIEND_', 1)define(`_SPAM_FH_', 1)', defn(`_ARG_'), `hater', `define(`_SPAM_HATER_', 1)define(`_SPAM_FH_', 1)', `_fault_(`illegal argument '_ARG_` for FEATURE(delay_checks)')')
ifelse(defn(`_ARG2_'), `', `', defn(`_ARG2_'), `n', `define(`_NO_OLD_SPAM_', 1)', `_fault_(`illegal second argument '_ARG2_` for FEATURE(delay_checks)')')
