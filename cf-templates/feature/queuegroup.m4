divert(-1)
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`queuegroup') requires FEATURE(`access_db')')')
divert(146)dnl
#
# queuegroup: which queue does a recipient go to?
#
Squeuegroup
R< $+ >			$1
R$+ @ $+		$: $>SearchList < ! qgrp > $| < F:$1@$2 > < D:$2 > < >
R< ? >			ifelse(defn(`_ARG_'), `', `$@', `$# _ARG_')
R< $+ >			$# $1
divert(-1)
