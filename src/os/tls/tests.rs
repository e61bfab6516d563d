use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::os::SystemFiles;
use crate::world::{LogLevel, SystemLog, TlsClient, TlsFacts, TlsServer, Verify};

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl SystemLog for Lines {
    fn log(&self, _level: LogLevel, text: &[u8]) {
        let line = String::from_utf8_lossy(text).into_owned();
        self.0.lock().unwrap().push(line);
    }
}

struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example Trust");
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Authority {
        certificate,
        issuer: Issuer::new(params, key),
    }
}

/// Writes `name.pem` and `name.key`.
fn issue(folder: &Path, name: &str, by: &Authority, expired: bool) {
    let mut params = CertificateParams::new(vec![format!("{name}.example.org")]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example (test)");
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{name}.example.org"));
    if expired {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &by.issuer).unwrap();
    write(
        &folder.join(format!("{name}.pem")),
        &certificate.pem(),
        0o644,
    );
    write(
        &folder.join(format!("{name}.key")),
        &key.serialize_pem(),
        0o600,
    );
}

fn write(path: &Path, text: &str, mode: u32) {
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(mode))
        .unwrap();
}

fn settings(folder: &Path, name: Option<&str>) -> TlsSettings {
    TlsSettings {
        certificate: name.map(|name| folder.join(format!("{name}.pem"))),
        key: name.map(|name| folder.join(format!("{name}.key"))),
        authorities: Some(folder.join("ca.pem")),
        ..TlsSettings::default()
    }
}

struct World {
    folder: tempfile::TempDir,
    log: Arc<Lines>,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let (ca, other) = (authority("Example CA"), authority("Other CA"));
    write(&folder.path().join("ca.pem"), &ca.certificate.pem(), 0o644);
    issue(folder.path(), "server", &ca, false);
    issue(folder.path(), "client", &ca, false);
    issue(folder.path(), "old", &ca, true);
    issue(folder.path(), "evil", &other, false);
    World {
        folder,
        log: Arc::default(),
    }
}

impl World {
    fn server(&self, name: &str) -> SystemTlsServer {
        let settings = settings(self.folder.path(), Some(name));
        SystemTlsServer::new(settings, Arc::new(SystemFiles), Arc::clone(&self.log) as _)
    }

    fn client(&self, name: Option<&str>, versions: Versions) -> SystemTlsClient {
        let settings = TlsSettings {
            versions,
            ..settings(self.folder.path(), name)
        };
        SystemTlsClient::new(settings, Arc::new(SystemFiles), Arc::clone(&self.log) as _)
    }
}

/// A handshake over a pipe, and a few bytes both ways; what each side knows.
async fn meet(
    server: &SystemTlsServer,
    client: &SystemTlsClient,
    ask: bool,
) -> (Arc<TlsFacts>, Arc<TlsFacts>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (accepted, connected) = tokio::join!(
        server.accept(Box::new(near), ask),
        client.connect(Box::new(far), "server.example.org")
    );
    let ((mut near, of_client), (mut far, of_server)) = (accepted.unwrap(), connected.unwrap());
    far.write_all(b"EHLO").await.unwrap();
    far.flush().await.unwrap();
    let mut bytes = [0; 4];
    near.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"EHLO");
    (of_client, of_server)
}

#[tokio::test]
async fn certificates_are_judged_after_the_handshake() {
    let world = world();
    let server = world.server("server");
    let cases = [
        (None, Verify::No, "ok"),
        (Some("client"), Verify::Ok, "ok"),
        (Some("old"), Verify::Fail, "certificate has expired"),
        (
            Some("evil"),
            Verify::Fail,
            "unable to get local issuer certificate",
        ),
    ];
    for (name, verify, message) in cases {
        let client = world.client(name, Versions::Both);
        let (of_client, of_server) = meet(&server, &client, true).await;
        assert_eq!(
            (of_client.verify, of_client.verify_message.as_str()),
            (verify, message)
        );
        assert_eq!(of_server.verify, Verify::Ok);
        assert_eq!(of_server.exporter, of_client.exporter);
        assert!(of_server.exporter.is_some());
        assert_eq!(of_server.end_point, of_client.end_point);
    }
    let client = world.client(Some("client"), Versions::Both);
    let (of_client, _) = meet(&server, &client, false).await;
    assert_eq!(of_client.verify, Verify::Not);
    assert!(of_client.certificate.is_none());
}

#[tokio::test]
async fn names_and_ciphers_are_written_as_the_reference_writes_them() {
    let world = world();
    let server = world.server("server");
    let client = world.client(Some("client"), Versions::Only12);
    let (facts, _) = meet(&server, &client, true).await;
    assert_eq!(facts.version, "TLSv1.2");
    assert_eq!(facts.cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
    assert_eq!(facts.bits, 256);
    assert!(facts.exporter.is_none());
    let certificate = facts.certificate.as_ref().unwrap();
    assert_eq!(
        certificate.subject,
        "/O=Example+20+28test+29/CN=client.example.org"
    );
    assert_eq!(certificate.issuer, "/O=Example+20Trust/CN=Example+20CA");
    assert_eq!(certificate.subject_name, "client.example.org");
    assert_eq!(certificate.names, ["client.example.org"]);
    assert_eq!(certificate.fingerprint.len(), 47);
}

#[tokio::test]
async fn a_new_certificate_is_taken_when_its_files_change() {
    let world = world();
    let server = world.server("server");
    let client = world.client(None, Versions::Both);
    let (_, first) = meet(&server, &client, true).await;
    std::thread::sleep(std::time::Duration::from_millis(2100));
    // A broken file changes nothing.
    let certificate = world.folder.path().join("server.pem");
    let good = std::fs::read_to_string(world.folder.path().join("client.pem")).unwrap();
    write(&certificate, "rubbish", 0o644);
    let (_, still) = meet(&server, &client, true).await;
    assert_eq!(first.end_point, still.end_point);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let key = std::fs::read_to_string(world.folder.path().join("client.key")).unwrap();
    write(&world.folder.path().join("server.key"), &key, 0o600);
    write(&certificate, &good, 0o644);
    let (_, second) = meet(&server, &client, true).await;
    assert_ne!(first.end_point, second.end_point);
    let lines = world.log.0.lock().unwrap().join("\n");
    assert!(
        lines.contains("no certificate; what was read before stays"),
        "{lines}"
    );
    assert!(
        lines.contains("new certificate files are in use"),
        "{lines}"
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let world = world();
    let folder = world.folder.path();
    let check = |change: &dyn Fn(&mut TlsSettings), words: &str| {
        let mut settings = settings(folder, Some("server"));
        change(&mut settings);
        let log = Arc::new(Lines::default());
        let server = SystemTlsServer::new(settings, Arc::new(SystemFiles), Arc::clone(&log) as _);
        assert!(!server.is_ready(), "{words}");
        let lines = log.0.lock().unwrap().join("\n");
        assert!(lines.contains(words), "{words}: {lines}");
    };
    check(
        &|settings| settings.key = Some("/nonexistent".into()),
        "file /nonexistent unsafe: No such file or directory",
    );
    check(
        &|settings| settings.key = Some(folder.join("client.key")),
        "the key is not that of",
    );
    check(
        &|settings| settings.certificate = Some(folder.join("client.key")),
        "no certificate",
    );
    write(
        &folder.join("open.key"),
        &std::fs::read_to_string(folder.join("server.key")).unwrap(),
        0o640,
    );
    check(
        &|settings| settings.key = Some(folder.join("open.key")),
        "Group readable file",
    );
}

#[tokio::test]
async fn whatever_is_no_tls_is_a_fault_with_words() {
    let world = world();
    let server = world.server("server");
    let (near, mut far) = tokio::io::duplex(1 << 16);
    far.write_all(b"this is not TLS\r\n").await.unwrap();
    let fault = server.accept(Box::new(near), true).await.err().unwrap();
    assert_eq!(fault.reason, "wrong version number");
    let (near, far) = tokio::io::duplex(1 << 16);
    drop(far);
    let fault = server.accept(Box::new(near), true).await.err().unwrap();
    assert!(fault.reason.contains("eof"), "{}", fault.reason);
}
