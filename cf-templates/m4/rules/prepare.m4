divert(-1)
dnl prepare.m4 - what follows from the features together, before the .cf is
dnl written: words of classes and maps that several of them need.
define(`_GODWIT_CF_VERSION_', `godwit')
define(`_FROM_', `ifdef(`confFROM_HEADER', `confFROM_HEADER', `$?x$x <$g>$|$g$.')')
define(`_MSGID_', `ifdef(`confMESSAGEID_HEADER', `confMESSAGEID_HEADER', `<$t.$i@$j>')')
