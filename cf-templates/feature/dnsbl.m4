divert(-1)
dnl dnsbl: clients that a DNS list knows. Zone, text or what to do, what to
dnl do when the list cannot be asked.
_default_(`DNSBL_MAP', `dns -R A')
_default_(`DNSBL_MAP_OPT', `')
_kmap_(`dnsbl', `DNSBL_MAP -T<TMP>`'ifelse(defn(`DNSBL_MAP_OPT'), `', `', ` DNSBL_MAP_OPT')')
ifelse(defn(`_ARG_'), `', `_fault_(`missing zone in FEATURE(`dnsbl')')')
divert(8)dnl
# feature dnsbl`'_at_(`dnsbl'): _ARG_
R$*			$: $&{client_addr}
R$-.$-.$-.$-		$: < ? > $(dnsbl $4.$3.$2.$1._ARG_. $: OK $)
R< ? > OK		$: OKSOFAR
R< ? > $+ < TMP >	$: ifelse(defn(`_ARG3_'), `', `TMPOK', `< TMP >')
ifelse(defn(`_ARG3_'), `', `', defn(`_ARG3_'), `t', `R< TMP >		$#error $@ 4.4.3 $: "451 Temporary lookup failure of " $&{client_addr} " at _ARG_"
', `R< TMP >		$#error $@ 4.4.3 $: _ARG3_
')dnl
R< ? > $+		ifelse(defn(`_ARG2_'), `', `$#error $@ 5.7.1 $: "550 Rejected: " $&{client_addr} " listed at _ARG_"', defn(`_ARG2_'), `discard', `$#discard $: _ARG_', defn(`_ARG2_'), `quarantine', `$#error $@ quarantine $: _ARG_', `$#error $@ 5.7.1 $: _ARG2_')
divert(-1)
