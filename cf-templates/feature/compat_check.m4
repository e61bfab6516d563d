divert(-1)
ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`compat_check') requires FEATURE(`access_db')')')
divert(146)dnl
#
# check_compat: may this sender write to this recipient?
#
Scheck_compat
R< $+ > $| $+		$: $1 $| $2
R$+ $| < $+ >		$: $1 $| $2
R$+ $| $+		$: $(access Compat:$1<@>$2 $: OK $)
R$* < TMPF >		$#error $@ 4.3.0 $: _TMPFMSG_
RDISCARD		$#discard $: "discard compat check"
RTEMP : $+		$#error $@ TEMPFAIL $: $1
RERROR : $+		$#error $@ UNAVAILABLE $: $1
divert(-1)
