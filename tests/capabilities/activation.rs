//! Sockets that a service manager has opened for us (sd_listen_fds(3)).

use std::net::TcpStream;
use std::process::Command;

use crate::need;
use crate::site::{Site, godwit};

/// Opens a port, and becomes the server with it as descriptor 3.
const MANAGER: &str = "import os, socket, sys\n\
    s = socket.socket()\n\
    s.bind(('127.0.0.1', int(sys.argv[1])))\n\
    s.listen(8)\n\
    os.dup2(s.fileno(), 3, inheritable=True)\n\
    os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n\
    os.execv(sys.argv[2], sys.argv[2:])\n";

#[test]
fn a_port_that_is_open_already_is_served() {
    let what = "sockets of a service manager";
    let Some(python) = need::tool("python3", what) else {
        return;
    };
    let mut site = Site::stock("");
    let address = site.address();
    let mut command = Command::new(python);
    command.args(["-c", MANAGER, &address.port().to_string()]);
    command.arg(godwit()).arg("--root").arg(site.root());
    command.arg("run");
    site.start_by(command);
    // The port was taken before we came: it could not have been opened twice.
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    session.expect("MAIL FROM:<a@far.example>", "250");
    session.expect("QUIT", "221");
    assert!(TcpStream::connect(address).is_ok());
}
