//! Full TLS handshakes per second, both sides in this process on one thread,
//! and the memory of sessions that are idle under TLS.
//!
//! `cargo bench --bench handshakes`

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use godwit::os::{SystemFiles, SystemTlsClient, SystemTlsServer, TlsSettings, Versions};
use godwit::world::{Nothing, Stream, TlsClient, TlsServer};

const TIME: Duration = Duration::from_secs(3);
const IDLE: usize = 1000;

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

async fn meet(server: &SystemTlsServer, client: &SystemTlsClient) -> [Box<dyn Stream>; 2] {
    let (near, far) = tokio::io::duplex(16 << 10);
    let (near, far) = tokio::join!(
        server.accept(Box::new(near), true),
        client.connect(Box::new(far), "mail.example.org")
    );
    [near.unwrap().0, far.unwrap().0]
}

fn resident_kib() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("c.key"));
    let pair = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["mail.example.org".to_owned()]).unwrap();
    write(&certificate, &params.self_signed(&pair).unwrap().pem());
    write(&key, &pair.serialize_pem());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (name, versions) in [("1.3", Versions::Only13), ("1.2", Versions::Only12)] {
        let settings = TlsSettings {
            versions,
            ..TlsSettings::default()
        };
        let client =
            SystemTlsClient::new(settings.clone(), Arc::new(SystemFiles), Arc::new(Nothing));
        let settings = TlsSettings {
            certificate: Some(certificate.clone()),
            key: Some(key.clone()),
            ..settings
        };
        let server = SystemTlsServer::new(settings, Arc::new(SystemFiles), Arc::new(Nothing));
        runtime.block_on(async {
            // The first handshake of a client is full; later ones resume, so
            // that each round has a client of its own.
            let (began, mut count) = (Instant::now(), 0_u32);
            while began.elapsed() < TIME {
                let fresh = SystemTlsClient::new(
                    TlsSettings { versions, ..TlsSettings::default() },
                    Arc::new(SystemFiles),
                    Arc::new(Nothing),
                );
                drop(meet(&server, &fresh).await);
                count += 1;
            }
            let full = f64::from(count) / began.elapsed().as_secs_f64();
            let (began, mut count) = (Instant::now(), 0_u32);
            while began.elapsed() < TIME {
                drop(meet(&server, &client).await);
                count += 1;
            }
            let again = f64::from(count) / began.elapsed().as_secs_f64();
            println!("TLS {name}: {full:.0} full handshakes/s (both sides), {again:.0}/s with a known client");
            let before = resident_kib();
            let mut idle = Vec::new();
            for _ in 0..IDLE {
                idle.push(meet(&server, &client).await);
            }
            let each = (resident_kib().saturating_sub(before)) * 1024 / IDLE / 2;
            println!("TLS {name}: {each} bytes for one side of an idle session (pipe included)");
        });
    }
}
