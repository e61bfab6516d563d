"""Godwit on the reference's own benchmark configuration: same sendmail.mc, same maps, same users.
GODWIT names the binary (default: target/release/godwit)."""
import os, shutil, subprocess
from gw import *
from adapters.sendmail import Sendmail

BIN = os.environ.get("GODWIT") or os.path.join(HERE, "..", "..", "target", "release", "godwit")

class Godwit(Sendmail):
    name = "godwit"; root = PEERS + "/godwit"; binaries = ("/usr/sbin/godwit",); local_kinds = ("mbox", "maildir")
    queue_dirs = ("/var/spool/mqueue", "/var/spool/mqueue-client"); mailq = "/usr/sbin/mailq"; submit = "/usr/sbin/sendmail -t -i"
    def install(s):
        if not os.path.isdir(s.root): subprocess.run(["cp", "-a", PEERS + "/sendmail", s.root], check=True)
        shutil.copy(BIN, s.root + "/usr/sbin/godwit"); os.chmod(s.root + "/usr/sbin/godwit", 0o755)
        shutil.copy(PEERS + "/sendmail/etc/mail/sendmail.mc", s.root + "/etc/mail/sendmail.mc")     # configure() writes over it
        for n in ("sendmail", "mailq", "newaliases", "makemap", "smrsh"):
            p = f"{s.root}/usr/sbin/{n}"
            if os.path.lexists(p): os.unlink(p)
            os.symlink("godwit", p)
    def configure(s, mode):
        s.install()
        mc = s.mc(mode)
        if mode == "maildir": mc = mc.replace("MAILER_DEFINITIONS\n", "define(`LOCAL_MAILER_PATH', `[MAILDIR]')dnl\nMAILER_DEFINITIONS\n")
        s.write("/etc/mail/sendmail.mc", mc)
        s.write("/etc/mail/local-host-names", "bench.test\nmta.bench.test\n")
        s.write("/etc/mail/access", "Connect:127.0.0 RELAY\nConnect:127.0.0.1 RELAY\n")
        s.write("/etc/mail/mailertable", "dead.test smtp:[%s]\n" % DEADADDR)
        rc, o = s.sb.run("cd /etc/mail && rm -f *.db *.cdb && godwit compile sendmail.mc -o sendmail.cf && makemap hash access < access && makemap hash mailertable < mailertable && newaliases", incg=False)
        assert rc == 0, o
    def start_cmd(s): return "/usr/sbin/sendmail -bD" + ("" if s.mode in ("queue", "backlog") else " -q10m")
ADAPTER = Godwit
