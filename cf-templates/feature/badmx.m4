divert(-1)
dnl badmx: senders whose exchangers lie where no mail server can be.
_kmap_(`badmx', `regex -a<BADMX> ^(([0-9]{1,3}\.){3}[0-9]){0,1}\.$')
_kmap_(`BadMXIP', `regex -a<BADMXIP> 'ifelse(defn(`_ARG_'), `', ``^(127\.|10\.|0\.0\.0\.0)'', `defn(`_ARG_')'))
_kmap_(`mxlist', `bestmx -z: -T<TEMP>')
_kmap_(`dnsA', `dns -R A -a. -T<TEMP>')
define(`_BADMX_', 1)
