use std::path::Path;

use super::*;

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, Path::new("vitne.toml"), Path::new("/etc/vitne"), environment)
}

fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match parse(text, environment) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => vec![other.to_string()],
    }
}

#[test]
fn nothing_configured_is_a_working_configuration() {
    let config = parse("", &[("PATH", "/bin"), ("VITNE_CONFIG", "x")]).unwrap();
    assert_eq!(config.origins(), ["http://localhost:8080"]);
    assert_eq!(config.database.data_dir, Path::new("/etc/vitne/vitne-data"));
    assert_eq!(config.keys.directory.unwrap(), Path::new("/etc/vitne/vitne-data/keys"));
}

#[test]
fn the_environment_overrides_the_file() {
    let text = "[server]\nlisten = '127.0.0.1:1'\n[sessions]\nidle = '10m'";
    let config =
        parse(text, &[("VITNE_SERVER__LISTEN", "127.0.0.1:2"), ("VITNE_PROXIES__TRUSTED", "10.0.0.0/8")]).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.sessions.idle, chrono::TimeDelta::minutes(10));
    assert_eq!(config.proxies.trusted.len(), 1);
}

/// A configuration file, the environment beside it, and what is said of them.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cases: &[Case<'_>] = &[
        ("[server]\nlisen = 'x'", &[], &["server.lisen is not a known key; did you mean server.listen?"]),
        ("[sever]\n", &[], &["sever is not a known section; did you mean server?"]),
        ("zzzzzzzzzzzz = 1", &[], &["zzzzzzzzzzzz is not a known section"]),
        ("server = 1", &[], &["server must be a section"]),
        (
            "[server]\nlisten = 8080",
            &[],
            &["server.listen must be an address with a port, such as 127.0.0.1:8080, not integer"],
        ),
        (
            "",
            &[("VITNE_DATABASE__ULR", "x")],
            &["VITNE_DATABASE__ULR is not a known key; did you mean VITNE_DATABASE__URL?"],
        ),
        (
            "",
            &[("VITNE_LIMITS__ADDRESS_BURST", "-1")],
            &["limits.address_burst must be a whole number from 0 to 4294967295"],
        ),
        (
            "[sessions]\nidle = '2h'\nabsolute = '1h'",
            &[],
            &["sessions.absolute must not be shorter than sessions.idle"],
        ),
        ("[devices]\ntrust = '31d'", &[], &["devices.trust must not be longer than 30d"]),
        ("[mail]\ntransport = 'smtp'", &[], &["mail.smtp_url is missing; mail.transport = \"smtp\" needs it"]),
        ("[mail]\ntransport = 'pigeon'", &[], &["mail.transport must be \"smtp\", \"file\" or \"console\""]),
        (
            "[server]\npublic_url = 'http://login.example'",
            &[],
            &[
                "server.public_url must be https unless the host is this machine: browsers keep no secure cookie from plain HTTP",
            ],
        ),
        (
            "[keys]\ncookie = 'x'\ncookie_file = 'y'",
            &[],
            &["keys.cookie is given twice; give either cookie or cookie_file"],
        ),
        (
            "[keys]\ncookie_file = '/nonexistent/key'",
            &[],
            &["keys.cookie names /nonexistent/key, which cannot be read: No such file or directory (os error 2)"],
        ),
        (
            "[server]\nlisten = 1\nx = 1\n[devices]\ntrust = '1y'",
            &[],
            &[
                "server.listen must be an address with a port, such as 127.0.0.1:8080, not integer",
                "devices.trust must be a duration such as 500ms, 30s, 15m, 12h or 30d",
                "server.x is not a known key",
            ],
        ),
        (
            "[server\nlisten = 1",
            &[],
            &["the configuration file vitne.toml is not TOML: line 1: unclosed table, expected `]`"],
        ),
    ];
    for (text, environment, expected) in cases {
        assert_eq!(&problems(text, environment), expected, "{text} {environment:?}");
    }
}

#[test]
fn public_urls_are_origins() {
    for wrong in
        ["login.example", "ftp://login.example", "https://login.example/path", "https://a@login.example", "https://"]
    {
        let found = problems(&format!("[server]\npublic_url = '{wrong}'"), &[]);
        assert!(found.iter().any(|problem| problem.contains("must be an origin")), "{wrong} {found:?}");
    }
    assert_eq!(
        problems("[server]\npublic_url = 'https://login.example/'\norigins = ['https://app.example']", &[]),
        [""; 0]
    );
}

#[test]
fn secrets_are_never_shown() {
    let key = "a5".repeat(32);
    let text = format!(
        "[database]\nurl = 'postgres://vitne:hunter2@db/vitne'\n[keys]\ncookie = '{key}'\n[mail]\nsmtp_url = 'smtps://u:hunter2@h'"
    );
    let config = parse(&text, &[]).unwrap();
    let shown = format!("{config:?}{}", config.show());
    assert!(!shown.contains("hunter2") && !shown.contains("a5a5"), "{shown}");
    assert!(shown.contains("url = \"[set, not shown]\""), "{shown}");
    let broken = format!("[keys]\ncookie = '{key}");
    assert!(!problems(&broken, &[]).concat().contains("a5a5"));
    assert!(!problems("[keys]\ncookie = 'hunter2'", &[]).concat().contains("hunter2"));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let shown = Config::default().show();
    parse(&shown, &[]).unwrap();
    for (section, _, keys) in Config::reference() {
        assert!(shown.contains(&format!("[{section}]\n")));
        for key in keys {
            assert!(shown.contains(key.name), "{}", key.name);
            assert!(!key.doc.is_empty());
        }
    }
}
