//! Clients and log readers that nobody here wrote.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::mail::me;
use crate::need;
use crate::site::Site;

fn started() -> Site {
    let mut site = Site::stock("FEATURE(`use_cw_file')dnl");
    site.write("etc/mail/local-host-names", "here.example\n");
    site.start();
    site
}

/// Runs a program with this input; it must succeed.
fn must(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut pipe = child.stdin.take().expect("a pipe");
    // One that does not read its input says why itself.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}",
        output.status
    );
    said
}

const LETTER: &str = "From: a@far.example\nSubject: @WHO@\n\nfirst\n.\n..dots\nlast \u{e9}\n";

/// A client sends the letter; it lies in the mailbox as it was.
fn sends(name: &str, run: impl FnOnce(&Site, &str, &str)) {
    if need::tool(name, &format!("mail from {name}")).is_none() {
        return;
    }
    let site = started();
    let to = format!("{}@here.example", me());
    run(&site, &to, &LETTER.replace("@WHO@", name));
    let mail = site.mailbox(&me(), &format!("Subject: {name}"));
    assert!(
        mail.contains("first\n.\n..dots\nlast \u{e9}\n"),
        "{name}: {mail}"
    );
}

#[test]
fn curl() {
    sends("curl", |site, to, letter| {
        let url = format!("smtp://{}/client.example", site.address());
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--crlf", "--url", &url]);
        command.args(["--mail-from", "a@far.example", "--mail-rcpt", to, "-T", "-"]);
        must(&mut command, letter);
    });
}

#[test]
fn swaks() {
    sends("swaks", |site, to, letter| {
        let mut command = Command::new("swaks");
        command.args(["--server", "127.0.0.1", "--port"]);
        command.arg(site.address().port().to_string());
        command.args(["--from", "a@far.example", "--to", to, "--data", "-"]);
        command.args(["--pipeline"]);
        must(&mut command, letter);
    });
}

#[test]
fn smtplib() {
    const SCRIPT: &str = "import smtplib, sys\n\
        s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), local_hostname='client.example')\n\
        refused = s.sendmail('a@far.example', [sys.argv[2], 'nobody-such@here.example'],\n    \
            sys.stdin.buffer.read().replace(b'\\n', b'\\r\\n'), mail_options=['SIZE=100', 'BODY=8BITMIME'])\n\
        assert list(refused) == ['nobody-such@here.example'], refused\n\
        assert s.verify('postmaster')[0] in (250, 252), 'VRFY'\n\
        assert s.noop()[0] == 250 and s.quit()[0] == 221\n";
    sends("python3", |site, to, letter| {
        let port = site.address().port().to_string();
        let mut command = Command::new("python3");
        must(command.args(["-c", SCRIPT, &port, to]), letter);
    });
}

#[test]
fn msmtp() {
    sends("msmtp", |site, to, letter| {
        let mut command = Command::new("msmtp");
        command.args([
            "--file=/dev/null",
            "--host=127.0.0.1",
            "--from=a@far.example",
        ]);
        command.arg(format!("--port={}", site.address().port()));
        must(command.arg(to), letter);
    });
}

#[test]
fn s_nail() {
    sends("s-nail", |site, to, _| {
        let mut command = Command::new("s-nail");
        command.args(["-:/", "-S", "sendwait", "-S", "v15-compat"]);
        command.args(["-S", "smtp-config=-all", "-S", "smtp-auth=none"]);
        command
            .arg("-S")
            .arg(format!("mta=smtp://{}", site.address()));
        command.args(["-S", "ttycharset=utf-8", "-S", "hostname=client.example"]);
        command.args(["-S", "mime-encoding=8b"]);
        command.args(["-r", "a@far.example", "-s", "s-nail", to]);
        must(&mut command, "first\n.\n..dots\nlast \u{e9}\n");
    });
}

/// Where the test tools have put the package, or the system has it.
fn fail2ban() -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target/fail2ban"));
    [own, Path::new("/")].into_iter().find_map(|root| {
        let (program, filters) = (
            root.join("usr/bin/fail2ban-regex"),
            root.join("etc/fail2ban"),
        );
        (program.is_file() && filters.is_dir()).then_some((root.to_owned(), program))
    })
}

#[test]
fn fail2ban_finds_those_we_refuse() {
    let Some((root, program)) = fail2ban() else {
        need::left_out("fail2ban's filters", "fail2ban is not here");
        return;
    };
    if need::tool("/usr/bin/python3", "fail2ban's filters").is_none() {
        return;
    }
    let mut site = Site::stock(
        "FEATURE(`access_db', `hash -o /etc/mail/access')dnl\n\
         FEATURE(`ratecontrol', `nodelay', `terminate')dnl\nFEATURE(`greet_pause', `300')dnl\n\
         LOCAL_DOMAIN(`here.example')dnl\n\
         define(`confPRIVACY_FLAGS', `goaway')dnl",
    );
    site.write(
        "etc/mail/access",
        "ClientRate:127.0.0.6\t1\nTo:gone@here.example\tERROR:5.1.1:550 User unknown\n",
    );
    site.start();
    let from =
        |last: u8| crate::dialogue::Dialogue::open_any_from([127, 0, 0, last], site.address()).0;
    let mut session = from(5);
    session.expect("EHLO x", "250");
    session.say("VRFY someone");
    session.say("EXPN someone");
    session.say("MAIL FROM:<a@far.example>");
    session.say("RCPT TO:<v@elsewhere.example>");
    session.say("RCPT TO:<gone@here.example>");
    session.say("QUIT");
    for _ in 0..3 {
        from(6).rest();
    }
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    socket
        .bind(&std::net::SocketAddr::from(([127, 0, 0, 7], 0)).into())
        .expect("an address");
    socket
        .connect(&site.address().into())
        .expect("the server listens");
    let mut early = std::net::TcpStream::from(socket);
    early
        .write_all(b"EHLO too.early\r\nQUIT\r\n")
        .expect("it reads");
    let mut said = String::new();
    let _ = std::io::Read::read_to_string(&mut early, &mut said);
    let log = site.path("var/log/maillog");
    let filter = root.join("etc/fail2ban/filter.d/sendmail-reject.conf");
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(&program)
        .args(["--print-all-matched"])
        .arg(&log)
        .arg(&filter);
    command.env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"));
    let found = must(&mut command, "");
    for want in [
        "VRFY someone [rejected]",
        "EXPN someone [rejected]",
        "<gone@here.example>... User unknown",
        "Connection rate limit exceeded.",
        "due to pre-greeting traffic after 0 seconds",
    ] {
        let matched = found.split("Matched line(s)").nth(1).unwrap_or_default();
        assert!(
            matched.contains(want),
            "{want} is not found:\n{found}\n{}",
            site.read("var/log/maillog")
        );
    }
}
