divert(-1)
dnl check_other: end sessions that send what is no command.
_kmap_(`badcmd', `regex -m -a<BADCMD> 'ifelse(defn(`_ARG_'), `', ``^[[:print:]]+ *:'', `defn(`_ARG_')'))
divert(146)dnl
#
# check_other: a line that is no command
#
Scheck_other
R$+ $| 5		$@ $(badcmd $1 $)
R$* < BADCMD >		$#error $@ 4.7.0 $: 421 bad command
divert(-1)
