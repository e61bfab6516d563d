divert(-1)
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`conncontrol') requires FEATURE(`access_db')')')
ifdef(`_ACCESS_', `define(`_limit_code_conncontrol_', ifelse(defn(`_ARG2_'), `terminate', `421', `452'))
ifelse(defn(`_ARG_'), `nodelay', `ifdef(`_DELAY_CHECKS_', `', `_fault_(`FEATURE(`conncontrol', `nodelay') requires FEATURE(`delay_checks')')')define(`_CONN_', ifdef(`_DELAY_CHECKS_', ``early'', ``late''))define(`_early_limits_', 1)', `define(`_CONN_', `late')')
divert(144)dnl
#
# Feature conncontrol: how often, or how much at once, may a client come?
#
SConnControl
R$*			$: < A:$&{client_addr} > < E: >
R$+			$: $>SearchList < ! ClientConn > $| $1 < >
R< ? >			$@ OK
R< 0 >			$@ OK
R< $+ >			$: < $1 > $| $(arith l $@ $1 $@ $&{client_connections} $)
R< $+ > $| TRUE		$#error $@ 4.3.2 $: _limit_code_conncontrol_ Too many open connections.
divert(-1)
define(`_src_a_', 1)
')
