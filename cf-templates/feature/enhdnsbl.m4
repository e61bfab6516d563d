divert(-1)
dnl enhdnsbl: as dnsbl, and up to six answers that count.
_default_(`EDNSBL_TO', `5')
_kmap_(`ednsbl', `dns -R A -a. -T<TMP> -r`'EDNSBL_TO')
ifelse(defn(`_ARG_'), `', `_fault_(`missing zone in FEATURE(`enhdnsbl')')')
dnl What is done about a client on the list. The quotes keep the macro processor
dnl from taking the dollar and the sharp sign for its own.
define(`_edns_hit_', `$`'#error $`'@ ifelse(defn(`_ARG2_'), `', `5.7.1 $: "550 Rejected: " $&{client_addr} " listed at _ARG_"', defn(`_ARG2_'), `quarantine', `quarantine $: _ARG_', `5.7.1 $: _ARG2_')')
ifelse(defn(`_ARG2_'), `discard', `define(`_edns_hit_', `$`'#discard $: discard')')
define(`_edns_rule_', `ifelse(`$1', `', `', `R< ? > $1		_edns_hit_
')')
divert(8)dnl
# feature enhdnsbl`'_at_(`enhdnsbl'): _ARG_
R$*			$: $&{client_addr}
R$-.$-.$-.$-		$: < ? > $(ednsbl $4.$3.$2.$1._ARG_. $: OK $)
R< ? > OK		$: OKSOFAR
R< ? > $+ < TMP >	$: ifelse(defn(`_ARG3_'), `', `TMPOK', `< TMP >')
ifelse(defn(`_ARG3_'), `', `', defn(`_ARG3_'), `t', `R< TMP >		$#error $@ 4.4.3 $: "451 Temporary lookup failure of " $&{client_addr} " at _ARG_"
', `R< TMP >		$#error $@ 4.4.3 $: _ARG3_
')dnl
ifelse(defn(`_ARG4_')defn(`_ARG5_')defn(`_ARG6_')defn(`_ARG7_')defn(`_ARG8_')defn(`_ARG9_'), `', `R< ? > $+		_edns_hit_
', `_edns_rule_(_ARG4_)_edns_rule_(_ARG5_)_edns_rule_(_ARG6_)_edns_rule_(_ARG7_)_edns_rule_(_ARG8_)_edns_rule_(_ARG9_)R< ? > $+		$: OKSOFAR
')dnl
divert(-1)
