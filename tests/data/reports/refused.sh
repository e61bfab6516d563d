# PrivacyOptions=restrictmailq, restrictqrun: what an ordinary user is told.
# Read by sh as root, with helpers t, note and user; $R stands before every path of the site.
Q=$R/var/spool/mqueue
mkdir -p $R/var/hoststat $R/var/spool/mqueue/bulk/q1 $R/var/spool/mqueue/slow
cp site.cf $R/etc/mail/sendmail.cf; chmod 755 $R/etc/mail $R/var $R/var/spool
printf 'V8\nT1795337777\nK0\nN0\nP5\nSbob\nRPFD:nobody\n.\n' > $Q/qf6AM8uH4w00004c
printf 'x\n' > $Q/df6AM8uH4w00004c

note a queue of mode 0700
t user mailq
t user mailq -v
t user mailq -qQ
t user sendmail -q
t user sendmail -qRx
t user sendmail -bP
t user hoststat
t user sendmail -bH
note one that all may read
chmod 755 $Q
t user mailq
t user mailq -v
note restrictions
for o in restrictmailq restrictqrun restrictmailq,restrictqrun authwarnings,noexpn,novrfy,restrictmailq,restrictqrun goaway; do
	sed "\$aO PrivacyOptions=$o" site.cf > $R/etc/mail/sendmail.cf
	t user mailq
	t user mailq -v -qRx
	t user sendmail -q
	t user sendmail -qRx
	t user sendmail -q1h
	t user sendmail -qQ
	t user sendmail -bP
	t mailq
done
chmod 700 $Q
t user mailq
t user sendmail -q
chgrp 65534 $Q; chmod 750 $Q
t user mailq
t user sendmail -q
note no queue at all
grep -v '^O QueueDirectory' site.cf > noqueue.cf
t 'sendmail -bC -C noqueue.cf'
t 'mailq -C noqueue.cf'
