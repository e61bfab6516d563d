# mailq, sendmail -bp, sendmail -bP: every variant over the same queue.
# Read by sh with helpers t and note; $R stands before every path of the site.
Q=$R/var/spool/mqueue
mkdir -p $R/var/spool/mqueue/bulk/q1 $R/var/spool/mqueue/slow
chmod 700 $R/var/spool/mqueue/bulk $R/var/spool/mqueue/bulk/q? $R/var/spool/mqueue/slow
mkdir -p $R/var/hoststat
cp site.cf $R/etc/mail/sendmail.cf
sed 's,/var/spool/mqueue,/var/spool/client,; /^Q/d' site.cf > $R/etc/mail/submit.cf
mkdir $R/var/spool/client; chmod 700 $R/var/spool/client
# q DIRECTORY ID PRIORITY LINES: a message of some words.
q() {
	printf "V8\nT$((1795337777 + $3 % 7))\nK1795337000\nN1\n%s\n" "P$3" > $1/qf$2
	printf "$4" >> $1/qf$2
	printf 'H?P?Return-Path: <\201g>\nH??Subject: m\n.\n' >> $1/qf$2
	printf 'some words\n' > $1/df$2
}
printf 'postmaster: root\n' > $R/etc/mail/aliases; chmod 644 $R/etc/mail/aliases; newaliases > /dev/null
note nothing waits
t mailq
t mailq -v
t sendmail -bp
t mailq -Ac
t mailq -qQ
t mailq -qL
t mailq -qGslow
t mailq -qGbulk
t mailq -qGnone
note several wait
q $Q 6AM8uH4k000040 30021 'MDeferred: Connection refused by [127.0.0.1]\nF8\n$_localhost\nSbob@example.org\nRPFD:alice@remote.test\n'
q $Q 6AM8uH4l000041 230020 'B8BITMIME\nMhost map: lookup (temp.example.com): deferred\nScarol@example.org\nCalice:1001:1001:list\nRPFD:alice@remote.test\nMSome reason of its own\nRPFD:very.long.local.part.of.an.address.that.does.not.fit@a.very.long.domain.name.remote.test\nRPFD:<list@example.com>\n'
q $Q 6AM8uH4m000042 1 'Fws\nS<>\nRPFD:"|/usr/bin/vacation alice"\nRPFD:/var/mail/a file\n'
q $Q 6AM8uH4n000043 99999999999 'B7BIT\nSBob@Example.Org\nRPFD:x@tempfail.test\n'
t mailq
t mailq -v
t sendmail -bp -v
t sendmail -bp -OQueueSortOrder=time
t sendmail -bp -OQueueSortOrder=filename
t sendmail -bp -OQueueSortOrder=host
t sendmail -bp -OQueueSortOrder=priority
t sendmail -bp -OQueueSortOrder=wrong
t sendmail -bp -OMinQueueAge=100w
t sendmail -bp -OMinQueueAge=1h
note selections
t mailq -qRremote
t mailq "'-q!Rremote'"
t mailq -qRREMOTE.TEST
t mailq -qSbob
t mailq -qS@example.org
t mailq "'-q!Sbob'"
t mailq -qI6AM8uH4m
t mailq -qIh4
t mailq "'-q!I6AM8uH4m'"
t mailq -qSbob -qRtempfail
t mailq -qSbob -qScarol
t mailq -qRnobody
t mailq -v -qRlist@example.com
t mailq "'-qR<list'"
t "mailq -qR'|/usr'"
note quarantine and lost
q $Q 6AM8uH4o000044 30000 'qspam of the worst kind\nSeve@example.net\nRPFD:alice\n'
mv $Q/qf6AM8uH4o000044 $Q/hf6AM8uH4o000044
q $Q 6AM8uH4p000045 30001 'qanother\nMDeferred\nB8BITMIME\nSmallory@example.net\nRPFD:bob\n'
mv $Q/qf6AM8uH4p000045 $Q/hf6AM8uH4p000045
q $Q 6AM8uH4q000046 30000 'Slost@example.net\nRPFD:bob\n'
mv $Q/qf6AM8uH4q000046 $Q/Qf6AM8uH4q000046
t mailq
t mailq -qQ
t mailq -qQ -v
t mailq -qQspam
t mailq "'-q!Qspam'"
t mailq -qQ -qSeve
t mailq -qL
t mailq -qL -v
t mailq -qL -qSlost
note groups
q $R/var/spool/mqueue/bulk/q1 6AM8uH4r000047 5 'Snews@example.org\nRPFD:a@lists.test\n'
q $R/var/spool/mqueue/bulk/q1 6AM8uH4s000048 4 'Snews@example.org\nRPFD:b@lists.test\n'
q $R/var/spool/mqueue/slow 6AM8uH4t000049 3 'Sbob@example.org\nRPFD:c@slow.test\n'
t mailq
t mailq -qGbulk
t mailq -qGslow
t mailq -qGmqueue
t mailq -qGmqueue -qRremote
t mailq -qGBULK
t mailq -v -qGslow -qSbob
t mailq -qSnews
note the client queue
q $R/var/spool/client 6AM8uH4u00004a 7 'MDeferred: Connection refused by [127.0.0.1]\nSalice\nCalice:1001:1001:bob\nRPFD:bob\n'
t mailq -Ac
t mailq -Ac -v
t mailq -Am -qGslow
t sendmail -Ac -bp
note what is broken
printf '' > $R/var/spool/mqueue/slow/qf6AM8uH4v00004b
printf 'V8\nT1795337777\nP5\nSbob\nRPFD:nobody\n.\n' > $R/var/spool/mqueue/slow/qf6AM8uH4w00004c
printf 'V9999\nT1795337777\nP6\nSbob\nRPFD:nobody\n.\n' > $R/var/spool/mqueue/slow/qf6AM8uH4x00004d
printf 'V8\nK0\nN0\nP1\nZgarbage\nxyz\nSbob\nRPFD:x@refused.test\nH??Subject: a\n.\n' > $R/var/spool/mqueue/slow/qfnoid
: > $R/var/spool/mqueue/slow/dfnoid
t mailq -qGslow
# The reference has renamed it by now.
rm -f $R/var/spool/mqueue/slow/[qQ]f6AM8uH4x00004d
t mailq -v -qGslow
rm -f $R/var/spool/mqueue/slow/qf*
note counting
t sendmail -bP
t mailq -bP
note wrong flags
t mailq -qX
t mailq -q5
t mailq -Z
t mailq -bZ
t mailq word
t mailq -qG
t mailq -q!
t mailq -C /nonexistent.cf
t mailq -OQueueDirectory=/nonexistent
t mailq -Ac -C site.cf -OQueueDirectory=/nonexistent
