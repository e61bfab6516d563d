divert(-1)
dnl rhsbl: sender domains that a DNS list knows. Asked when the sender is known:
dnl together with delayed checks.
_kmap_(`dnsbl', `host -T<TMP>')
_kmap_(`macro', `macro')
divert(8)dnl
# feature rhsbl`'_at_(`rhsbl'): _ARG_
R$*			$: $&{client_addr}
R$@			$@
R$*			$: < ? > $>CanonAddr $&f
R< ? > $* < @ $+ . >	$: < ? > $1 < @ $2 >
R< ? > $* < @ $+ >	$: < @ $2 > $(macro {RHS} $@ $2 $)
R< @ $+ >		$: < ? > $(dnsbl $1._ARG_. $: OK $)
R< ? > OK		$: OKSOFAR
R< ? > $* < @ >		$: OKSOFAR
R< ? > $-		$: OKSOFAR
R< ? > $+ < TMP >	ifelse(defn(`_ARG3_'), `', `$: OKSOFAR', defn(`_ARG3_'), `t', `$#error $@ 4.4.3 $: "451 Temporary lookup failure of " $&{RHS} " at _ARG_"', `$#error $@ 4.4.3 $: _ARG3_')
R< ? > $+ . $+		$#error $@ 5.7.1 $: ifelse(defn(`_ARG2_'), `', `"550 Mail from " $&{RHS} " refused by blackhole site _ARG_"', `_ARG2_')
divert(-1)
