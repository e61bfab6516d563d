divert(-1)
dnl prefixmod: recipients that begin with a word change the flags of their daemon.
_kmap_(`macro', `macro')
define(`_prefix_', defn(`_ARG_'))
divert(160)dnl
# feature prefixmod`'_at_(`prefixmod'): _ARG_
R< _ARG_ $+ >		$: < _ARG_ $1 > $(macro {daemon_flags} $@ $&{daemon_flags} _ARG2_ $)
divert(-1)
