//! The steps of sendmail's tours: what an administrator types on the first
//! days, and what is to be seen then.

use std::time::{Duration, Instant};

use crate::site::Site;

/// The root mailbox of the tests' sites.
const MESSAGE: &str = "Subject: counted\r\n\r\nbody\r\n";

#[test]
fn mailstats_counts_what_the_running_server_does() {
    let mut site = Site::stock("define(`STATUS_FILE', `/etc/mail/statistics')dnl\n");
    site.write("etc/mail/statistics", "");
    site.must(&["make"]);
    site.start();
    site.send("root@example.com", &["root"], MESSAGE);
    site.mailbox("root", "counted");
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let text = site.must(&["mailstats"]);
        let counts = |mailer: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.ends_with(mailer));
            let words = line.unwrap_or_default().split_whitespace();
            words.map(str::to_owned).collect()
        };
        // As the reference counts: a sender by the mailer that leads back.
        let (local, esmtp) = (counts("  local"), counts("  esmtp"));
        if local.get(3).is_some_and(|to| to == "1") && esmtp.get(1).is_some_and(|from| from == "1")
        {
            assert!(
                text.contains(" T        1          1K        1          1K "),
                "{text}"
            );
            // The test's own look at the greeting counts too.
            assert!(text.contains(" C        2"), "{text}");
            return;
        }
        assert!(Instant::now() < end, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
