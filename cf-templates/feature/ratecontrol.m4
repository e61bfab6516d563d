divert(-1)
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`ratecontrol') requires FEATURE(`access_db')')')
ifdef(`_ACCESS_', `define(`_limit_code_ratecontrol_', ifelse(defn(`_ARG2_'), `terminate', `421', `452'))
ifelse(defn(`_ARG_'), `nodelay', `ifdef(`_DELAY_CHECKS_', `', `_fault_(`FEATURE(`ratecontrol', `nodelay') requires FEATURE(`delay_checks')')')define(`_RATE_', ifdef(`_DELAY_CHECKS_', ``early'', ``late''))define(`_early_limits_', 1)', `define(`_RATE_', `late')')
divert(144)dnl
#
# Feature ratecontrol: how often, or how much at once, may a client come?
#
SRateControl
R$*			$: < A:$&{client_addr} > < E: >
R$+			$: $>SearchList < ! ClientRate > $| $1 < >
R< ? >			$@ OK
R< 0 >			$@ OK
R< $+ >			$: < $1 > $| $(arith l $@ $1 $@ $&{client_rate} $)
R< $+ > $| TRUE		$#error $@ 4.3.2 $: _limit_code_ratecontrol_ Connection rate limit exceeded.
divert(-1)
define(`_src_a_', 1)
')
