divert(-1)
dnl rhsbl: sender domains that a DNS list knows.
_kmap_(`dnsbl', `host -T<TMP>')
divert(150)dnl
# feature rhsbl: _ARG_
R< $- > $* < @ $+ >	$: < $1 > $2 < @ $3 > $(macro {RHS} $@ $3 $) $| $(dnsbl $3._ARG_. $: OK $)
R$* $| OK		$: $1
R$* $| $+ < TMP >	ifelse(defn(`_ARG3_'), `', `$: $1', defn(`_ARG3_'), `t', `$#error $@ 4.4.3 $: "451 Temporary lookup failure of " $&{RHS} " at _ARG_"', `$#error $@ 4.4.3 $: _ARG3_')
R$* $| $+		$#error $@ 5.7.1 $: ifelse(defn(`_ARG2_'), `', `"550 Rejected: " $&{RHS} " listed at _ARG_"', `_ARG2_')
divert(-1)
