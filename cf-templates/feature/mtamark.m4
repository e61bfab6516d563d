divert(-1)
dnl mtamark: an experiment: networks say in reverse DNS who is a mail server.
_kmap_(`mtamark', `dns -R TXT -a. -T<TMP> -r5')
divert(8)dnl
# feature mtamark`'_at_(`mtamark')
R$*			$: $&{client_addr}
R$-.$-.$-.$-		$: < ? > $(mtamark ifelse(defn(`_ARG3_'), `', `_perm._smtp._srv', `_ARG3_').$4.$3.$2.$1.in-addr.arpa. $: OK $)
R< ? > 1.		$: OKSOFAR
R< ? > 0.		$#error $@ 5.7.1 $: ifelse(defn(`_ARG_'), `', `"550 Rejected: " $&{client_addr} " not listed as MTA"', `_ARG_')
R< ? > $+ < TMP >	ifelse(defn(`_ARG2_'), `', `$: TMPOK', defn(`_ARG2_'), `t', `$#error $@ 4.4.3 $: "451 Temporary lookup failure of _perm._smtp._srv." $&{client_addr}', `$#error $@ 4.4.3 $: _ARG2_')
R< ? > $*		$: OKSOFAR
divert(-1)
