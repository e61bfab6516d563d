divert(-1)
dnl prepare.m4 - what follows from the features together, before the .cf is
dnl written: words of classes and maps that several of them need.
define(`_GODWIT_CF_VERSION_', `godwit')
define(`_FROM_', `ifdef(`confFROM_HEADER', `confFROM_HEADER', `$?x$x <$g>$|$g$.')')
define(`_MSGID_', `ifdef(`confMESSAGEID_HEADER', `confMESSAGEID_HEADER', `<$t.$i@$j>')')
_either_(`_USE_DECNET_SYNTAX_', `DECNET_RELAY', `define(`_DECNET_', 1)')
ifdef(`_MAILER_mail11_', `define(`_DECNET_', 1)')
dnl Texts of refusals. That of REJECT gets quotes where it has none; the others
dnl are taken as they are.
define(`_quoted_', `ifelse(index(`$1', `"'), -1, `"$1"', `$1')')
define(`_REJECT_', _quoted_(ifdef(`confREJECT_MSG', `defn(`confREJECT_MSG')', `550 Access denied')))
define(`_RCPTREJ_', ifdef(`confRCPTREJ_MSG', `defn(`confRCPTREJ_MSG')', ``"550 Mailbox disabled for this recipient"''))
define(`_RELAYMSG_', ifdef(`confRELAY_MSG', `defn(`confRELAY_MSG')', ``"550 Relaying denied'ifdef(`_trust_auth_mech_', `. Proper authentication required.')"'))
define(`_FORGEDMSG_', `"550 Relaying denied. IP name possibly forged " $&{client_name}')
define(`_FAILMSG_', `"550 Relaying denied. IP name lookup failed " $&{client_name}')
dnl Words of classes that go with the access table.
define(`_needs_lookup_', `define(`_need_tls_req_', 1)_class_once_(`Tls', `VERIFY ENCR')_class_once_(`TlsVerified', `OK TRUSTED')_kmap_(`macro', `macro')')
ifdef(`_ACCESS_', `_class_once_(`Accept', `OK RELAY')_class_once_(`Src', `E F D U'ifdef(`_src_a_', ` A'))_needs_lookup_')
ifdef(`_DELAY_CHECKS_', `ifdef(`_BLOCKLIST_', `ifdef(`_NO_OLD_SPAM_', `', `define(`_OLD_SPAM_', 1)_class_once_(`SpamTag', `SPAMFRIEND SPAMHATER')')')')
define(`_TLSFAIL_', ifdef(`TLS_PERM_ERR', ``$`'#error $`'@ 5.7.0 $: "554'', ``$`'#error $`'@ 4.7.0 $: "454''))
define(`_PERMERR_', ifdef(`TLS_PERM_ERR', `554:5.7.0', `454:4.7.0'))
ifdef(`_SPAM_FH_', `ifdef(`_ACCESS_', `', `_fault_(`FEATURE(`delay_checks', `argument') requires FEATURE(`access_db')')')')
ifdef(`_greet_early_', `ifdef(`_ACCESS_', `_warn_(`FEATURE(`greet_pause') before FEATURE(`access_db')
	greet_pause will not use access_db!')')')
ifdef(`_CERT_REGEX_ISSUER_', `_kmap_(`CERTIssuer', `regex _CERT_REGEX_ISSUER_')')
ifdef(`_CERT_REGEX_SUBJECT_', `_kmap_(`CERTSubject', `regex _CERT_REGEX_SUBJECT_')')
ifdef(`_STS_', `_needs_lookup_')
divert(-1)
