//! Settings of a connection, and servers that are not there or say nothing.

use super::*;

fn config(url: &str) -> DatabaseConfig {
    DatabaseConfig {
        connection: url.parse().unwrap(),
        ca_file: None,
    }
}

/// A database that refuses connections at once.
pub(crate) fn absent() -> Arc<Database> {
    Arc::new(Database::new(&config("postgres://herald:s3cret@127.0.0.1:1/app")).unwrap())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_cause_and_without_the_password() {
    let error = absent().connect(None, false).await.err().unwrap();
    let text = chain(&error);
    assert!(
        text.starts_with("cannot connect to Postgres at 127.0.0.1 port 1 database app: "),
        "{text}"
    );
    assert!(
        text.contains("refused") && !text.contains("s3cret"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let database = Database::new(&config(&format!("postgres://h@127.0.0.1:{port}/app"))).unwrap();
    tokio::time::pause();
    let error = database.connect(None, false).await.err().unwrap();
    assert!(
        matches!(error, DatabaseError::ConnectTimeout { .. }),
        "{error}"
    );
}

#[test]
fn settings_of_the_connection_string_are_completed_and_not_replaced() {
    let plain = Database::new(&config("postgres://h@db/app"))
        .unwrap()
        .connection;
    assert_eq!(plain.get_application_name(), Some("herald"));
    assert_eq!(plain.get_keepalives_idle(), Duration::from_secs(5));
    let own = "postgres://h@db/app?keepalives_idle=60&keepalives_retries=9&tcp_user_timeout=1";
    let own = Database::new(&config(own)).unwrap().connection;
    assert_eq!(own.get_keepalives_idle(), Duration::from_secs(60));
    assert_eq!(own.get_keepalives_retries(), Some(9));
    assert_eq!(own.get_tcp_user_timeout(), Some(&Duration::from_secs(1)));
}

#[test]
fn a_ca_file_must_hold_a_certificate() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let with = |path: &std::path::Path| DatabaseConfig {
        ca_file: Some(path.to_path_buf()),
        ..config("postgres://h@db/app?sslmode=require")
    };
    let problem = Database::new(&with(&path)).err().unwrap().to_string();
    assert!(problem.contains("cannot be read"), "{problem}");
    std::fs::write(&path, "no certificate").unwrap();
    let problem = Database::new(&with(&path)).err().unwrap().to_string();
    assert!(problem.contains("holds no certificate"), "{problem}");
}
