divert(-1)
dnl notsticky: how it is anyway since long ago.
