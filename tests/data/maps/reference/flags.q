/map h key
/map hN key
/map hOO key
/map hNO key
/map hon key
/map ha key
/map hasp key
/map hm key
/map hma key
/map hf UP
/map hf up
/map hff UP
/map hq key
/map hq "key"
/map h "key"
/map hSS sp ace
/map hSp sp ace
/map hS0 sp ace
/map h sp ace
/map hTT key
/map ht key
/map htTT key
/map hoT key
/map hDD key
/map hDDT key
/map hAA key
/map hd dup
/map hk key
/map hv key
/map hz key
/map hl key
/map hdd key
/map hr key
/map ho key
/map miss key
/map xq key
/map dbext key
/map bt key
/map rel key
/map two key
/map dash key
/map tx key
/map tx k2
/map txm key
/map txa key
/map txv b
/map txv e
/map txv2 a
/map txv2 x
/map txzx nokeyhere
/map txq "q"
/map tx "q"
/map txf cap
/map txf Cap
/map prog key
/map prog key two
/map proga Key
/map progm Key
/map progq "k k"
/map prog "k k"
/map progf KEY
/map st0 x
/map st1 x
/map st67 x
/map st75 x
/map st75T x
/map st75t x
/map st78 x
/map who x
/map nonl x
/map emp x
/map empa x
/map out1 x
/map inp x
/map nop x
/map nopo x
/map syslog x
/map syslogL x
/map syslogB x
/map udb alice
/map seq key
/map seqt key
/map seqo key
/map seqf key
/map seqst x
/map seqst2 x
/map ari +
/map mac x
/map dq "a"
/map nul x
Rpl key
Rpl nokey
Rpl quo
Rpl KEY
Rarg key
Rnodef key
Rnodef no
Rnodef No "Such" one
Remptydef key
Remptydef no
Ra key
Ra no
Ra spa
Rm key
Rm KEY
Rm no
Rmiss key
RT key
Rt key
RtT key
Ro key
RoT key
RD key
RDT key
RSp sp ace
RS0 sp ace
Rh sp ace
Rh "key"
Rq "key"
Rq key
Rh nulval
Rh "sp ace"
Rprog key
Rprog a.b
Rprog a b
RprogS a b
RprogS "a b"
Rprog "a b"
Rprogq "a b"
Rst75 x
Rst75T x
Rst75t x
Rst1 x
Rnop x
Remp x
Rsys hello world
Rseq key
Rseq zz
Rseqst x
Rseqst2 x
Rseqst2 key
Rari + 1 2
Rari - 1 2
Rari x 1 2
Rari + 1
Rari / 1 0
Rari l 1 2
Rmac x hello
Rmac x a.b c
Rmac1 x
Runk x
Rdq "a b"
Rdq "a.b"
RdqS "a b"
Rquo x
Rtx key
Rtx "q"
/map xarith key
/map xarith.A key
/map xarith.B key
/map xarith.V key
/map xarith.Z key
/map xarith.b key
/map xarith.c key
/map xarith.d key
/map xarith.e key
/map xarith.l key
/map xarith.n key
/map xarith.r key
/map xarith.s key
/map xarith.x key
/map xarith.y key
/map xarpa.A 1.2.3.4
/map xarpa.A IPv6:2001:db8::1
/map xarpa.B 1.2.3.4
/map xarpa.B IPv6:2001:db8::1
/map xarpa.V 1.2.3.4
/map xarpa.V IPv6:2001:db8::1
/map xarpa.Z 1.2.3.4
/map xarpa.Z IPv6:2001:db8::1
/map xarpa.b 1.2.3.4
/map xarpa.b IPv6:2001:db8::1
/map xarpa.c 1.2.3.4
/map xarpa.c IPv6:2001:db8::1
/map xarpa.d 1.2.3.4
/map xarpa.d IPv6:2001:db8::1
/map xarpa.e 1.2.3.4
/map xarpa.e IPv6:2001:db8::1
/map xarpa.l 1.2.3.4
/map xarpa.l IPv6:2001:db8::1
/map xarpa.n 1.2.3.4
/map xarpa.n IPv6:2001:db8::1
/map xarpa.r 1.2.3.4
/map xarpa.r IPv6:2001:db8::1
/map xarpa.s 1.2.3.4
/map xarpa.s IPv6:2001:db8::1
/map xarpa.x 1.2.3.4
/map xarpa.x IPv6:2001:db8::1
/map xarpa.y 1.2.3.4
/map xarpa.y IPv6:2001:db8::1
/map xarpa2 1.2.3.4
/map xarpa2 IPv6:2001:db8::1
/map xbestmx.A example.com
/map xbestmx.B example.com
/map xbestmx.V example.com
/map xbestmx.Z example.com
/map xbestmx.b example.com
/map xbestmx.c example.com
/map xbestmx.d example.com
/map xbestmx.e example.com
/map xbestmx.l example.com
/map xbestmx.n example.com
/map xbestmx.r example.com
/map xbestmx.s example.com
/map xbestmx.x example.com
/map xbestmx.y example.com
/map xdequote.A "a b"
/map xdequote.B "a b"
/map xdequote.V "a b"
/map xdequote.Z "a b"
/map xdequote.b "a b"
/map xdequote.c "a b"
/map xdequote.d "a b"
/map xdequote.e "a b"
/map xdequote.l "a b"
/map xdequote.n "a b"
/map xdequote.r "a b"
/map xdequote.s "a b"
/map xdequote.x "a b"
/map xdequote.y "a b"
/map xdqx "a b"
/map xdqy "a b"
/map xhash.A key
/map xhash.B key
/map xhash.V key
/map xhash.Z key
/map xhash.b key
/map xhash.c key
/map xhash.d key
/map xhash.e key
/map xhash.l key
/map xhash.n key
/map xhash.r key
/map xhash.s key
/map xhash.x key
/map xhash.y key
/map ximp key
/map ximp2 key
/map ximplicit.A key
/map ximplicit.B key
/map ximplicit.V key
/map ximplicit.Z key
/map ximplicit.b key
/map ximplicit.c key
/map ximplicit.d key
/map ximplicit.e key
/map ximplicit.l key
/map ximplicit.n key
/map ximplicit.r key
/map ximplicit.s key
/map ximplicit.x key
/map ximplicit.y key
/map xmacro key
/map xmacro.A key
/map xmacro.B key
/map xmacro.V key
/map xmacro.Z key
/map xmacro.b key
/map xmacro.c key
/map xmacro.d key
/map xmacro.e key
/map xmacro.l key
/map xmacro.n key
/map xmacro.r key
/map xmacro.s key
/map xmacro.x key
/map xmacro.y key
/map xnull.A key
/map xnull.B key
/map xnull.V key
/map xnull.Z key
/map xnull.b key
/map xnull.c key
/map xnull.d key
/map xnull.e key
/map xnull.l key
/map xnull.n key
/map xnull.r key
/map xnull.s key
/map xnull.x key
/map xnull.y key
/map xprogram.A key
/map xprogram.B key
/map xprogram.V key
/map xprogram.Z key
/map xprogram.b key
/map xprogram.c key
/map xprogram.d key
/map xprogram.e key
/map xprogram.l key
/map xprogram.n key
/map xprogram.r key
/map xprogram.s key
/map xprogram.x key
/map xprogram.y key
/map xr1 key
/map xr2 key
/map xr3 key
/map xr4 key
/map xregex.A a
/map xregex.A ab
/map xregex.A a b
/map xregex.A abcdefghij
/map xregex.B a
/map xregex.B ab
/map xregex.B a b
/map xregex.B abcdefghij
/map xregex.V a
/map xregex.V ab
/map xregex.V a b
/map xregex.V abcdefghij
/map xregex.Z a
/map xregex.Z ab
/map xregex.Z a b
/map xregex.Z abcdefghij
/map xregex.b a
/map xregex.b ab
/map xregex.b a b
/map xregex.b abcdefghij
/map xregex.c a
/map xregex.c ab
/map xregex.c a b
/map xregex.c abcdefghij
/map xregex.d a
/map xregex.d ab
/map xregex.d a b
/map xregex.d abcdefghij
/map xregex.e a
/map xregex.e ab
/map xregex.e a b
/map xregex.e abcdefghij
/map xregex.l a
/map xregex.l ab
/map xregex.l a b
/map xregex.l abcdefghij
/map xregex.n a
/map xregex.n ab
/map xregex.n a b
/map xregex.n abcdefghij
/map xregex.r a
/map xregex.r ab
/map xregex.r a b
/map xregex.r abcdefghij
/map xregex.s a
/map xregex.s ab
/map xregex.s a b
/map xregex.s abcdefghij
/map xregex.x a
/map xregex.x ab
/map xregex.x a b
/map xregex.x abcdefghij
/map xregex.y a
/map xregex.y ab
/map xregex.y a b
/map xregex.y abcdefghij
/map xrg a
/map xrg ab
/map xrg a b
/map xrg abcdefghij
/map xrg10 a
/map xrg10 ab
/map xrg10 a b
/map xrg10 abcdefghij
/map xrg11 a
/map xrg11 ab
/map xrg11 a b
/map xrg11 abcdefghij
/map xrg12 a
/map xrg12 ab
/map xrg12 a b
/map xrg12 abcdefghij
/map xrg13 a
/map xrg13 ab
/map xrg13 a b
/map xrg13 abcdefghij
/map xrg14 a
/map xrg14 ab
/map xrg14 a b
/map xrg14 abcdefghij
/map xrg2 a
/map xrg2 ab
/map xrg2 a b
/map xrg2 abcdefghij
/map xrg3 a
/map xrg3 ab
/map xrg3 a b
/map xrg3 abcdefghij
/map xrg4 a
/map xrg4 ab
/map xrg4 a b
/map xrg4 abcdefghij
/map xrg6 a
/map xrg6 ab
/map xrg6 a b
/map xrg6 abcdefghij
/map xrg7 a
/map xrg7 ab
/map xrg7 a b
/map xrg7 abcdefghij
/map xrg8 a
/map xrg8 ab
/map xrg8 a b
/map xrg8 abcdefghij
/map xrg9 a
/map xrg9 ab
/map xrg9 a b
/map xrg9 abcdefghij
/map xsequence.A key
/map xsequence.B key
/map xsequence.V key
/map xsequence.Z key
/map xsequence.b key
/map xsequence.c key
/map xsequence.d key
/map xsequence.e key
/map xsequence.l key
/map xsequence.n key
/map xsequence.r key
/map xsequence.s key
/map xsequence.x key
/map xsequence.y key
/map xso4 key
/map xso5 key
/map xso7 key
/map xsocket.A key
/map xsocket.B key
/map xsocket.V key
/map xsocket.Z key
/map xsocket.b key
/map xsocket.c key
/map xsocket.d key
/map xsocket.e key
/map xsocket.l key
/map xsocket.n key
/map xsocket.r key
/map xsocket.s key
/map xsocket.x key
/map xsocket.y key
/map xsw key
/map xsw.files key
/map xsw2 key
/map xsw2.files key
/map xsw3 key
/map xsw4 key
/map xswitch.A key
/map xswitch.B key
/map xswitch.V key
/map xswitch.Z key
/map xswitch.b key
/map xswitch.c key
/map xswitch.d key
/map xswitch.e key
/map xswitch.l key
/map xswitch.n key
/map xswitch.r key
/map xswitch.s key
/map xswitch.x key
/map xswitch.y key
/map xsyslog.A key
/map xsyslog.B key
/map xsyslog.V key
/map xsyslog.Z key
/map xsyslog.b key
/map xsyslog.c key
/map xsyslog.d key
/map xsyslog.e key
/map xsyslog.l key
/map xsyslog.n key
/map xsyslog.r key
/map xsyslog.s key
/map xsyslog.x key
/map xsyslog.y key
/map xtbig key
/map xtcol key
/map xtext.A key
/map xtext.B key
/map xtext.V key
/map xtext.Z key
/map xtext.b key
/map xtext.c key
/map xtext.d key
/map xtext.e key
/map xtext.l key
/map xtext.n key
/map xtext.r key
/map xtext.s key
/map xtext.x key
/map xtext.y key
/map xthex key
/map xtneg key
/map xtplus key
/map xtsp key
/map xtz0 key
/map xtz1 key
/map xtzbs key
/map xtzs key
/map xu2 alice
/map xu3 alice
/map xuc alice
/map xudb key
/map xuser.A alice
/map xuser.B alice
/map xuser.V alice
/map xuser.Z alice
/map xuser.b alice
/map xuser.c alice
/map xuser.d alice
/map xuser.e alice
/map xuser.l alice
/map xuser.n alice
/map xuser.r alice
/map xuser.s alice
/map xuser.x alice
/map xuser.y alice
/map xuserdb.A alice
/map xuserdb.B alice
/map xuserdb.V alice
/map xuserdb.Z alice
/map xuserdb.b alice
/map xuserdb.c alice
/map xuserdb.d alice
/map xuserdb.e alice
/map xuserdb.l alice
/map xuserdb.n alice
/map xuserdb.r alice
/map xuserdb.s alice
/map xuserdb.x alice
/map xuserdb.y alice
/map xwho key
Rxso x
RxSrg ab
RxSrg b
Rx7 a b
Rx8 a b
Rx6 ab
Rx6 a
Rxar + 1 2
Rxar + 1 0x10
Rxar * 3 010
Rxar / 7 2
Rxar / 7 0
Rxar % 7 4
Rxar | 5 2
Rxar & 7 2
Rxar l 1 2
Rxar = 1 1
Rxar - 1 2
Rxar r 5 5
Rxar + 9223372036854775807 1
Rxar - a b
/map yd1 "a b"
/map yd1 "a"
/map yd2 "a b"
/map yd3 "a b"
/map yd3 "a"
/map yd4 "a b"
/map yd4 "a"
/map yd5 "a b"
/map yd6 "a b"
/map yd7 "a b"
/map yd8 "a b"
/map yd9 "a b"
/map yr1 a
/map yr1 ab
/map yr2 ab
/map yr3 ab
/map yr4 ab
/map yr5 ab
/map yr6 ab
/map yr7 ab
/map yr8 ab
/map yimp x
/map yimp2 x
/map yimp3 a
Ryd1 "a"
Rydeq "a"
Rydeq "a b"
Ryr6 ab
Ryr6 a
