divert(-1)
dnl xconnect.m4 - whose word about the client behind a proxy is believed: the
dnl daemon asks ruleset x_connect with the name and address of the proxy, and
dnl takes OK or RELAY (XConnect: in the access table) for yes.
ifdef(`_ACCESS_', `', `_fault_(`HACK(xconnect) requires FEATURE(access_db)')')
ifdef(`_ACCESS_', `divert(9)dnl
#
# xconnect: may this client speak for others?
#
Sx_connect
R$* $| $+		$: $>A < $2 > < ? > < ! XConnect > < $1 $| $2 >
R< $={Accept} > < $* >	$@ yes
R< $* > < $* >		$: $2
divert(-1)')
