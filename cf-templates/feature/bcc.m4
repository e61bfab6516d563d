divert(-1)
dnl bcc: a copy of mail to certain recipients for somebody else.
dnl Arguments: a map or the word access; a domain; a rule for the recipient; a
dnl canonical map.
define(`_add_bcc_', `true')
define(`_BCC_', 1)
ifelse(defn(`_ARG_'), `access', `ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`bcc',`access') requires FEATURE(`access_db')')')define(`_bcc_map_', `access')', `_table_(`bcctable', defn(`_ARG_'), `bcctable', `bcc')define(`_bcc_map_', `bcctable')')
ifelse(defn(`_ARG2_'), `', `', `_into_(101)DA`'_ARG2_
_back_()')
define(`_bcc_rcpt_', defn(`_ARG3_'))
divert(146)dnl
#
# bcc: who gets a copy of mail to this recipient, if anybody
#
ifelse(_bcc_map_, `access', `', `SBCC
R$+			$: < $(bcctable $1 $: ? $) >

')dnl
SParseBcc

Sbcc
R< $+ >			$1
ifelse(_bcc_map_, `access', `ifdef(`_ACCESS_', `R$+ @ $+		$: < $(access bcc:$2 $: ? $) >
')', `R$+ @ $+		$: $>BCC $2
')dnl
R< ? >			$@
R< $+ >			$@ ifelse(defn(`_bcc_rcpt_'), `', `$1', `_bcc_rcpt_')
divert(-1)
